package org.dcelite.demo;

import android.app.Activity;
import android.content.Intent;
import android.os.Bundle;
import android.widget.TextView;
import org.dcelite.Enhancer;
import org.dcelite.demo.core.Failure;

/** The way to the three screens. */
public final class MainActivity extends Activity {
    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        setContentView(R.layout.main);
        Screen.keepClearOfBars(findViewById(R.id.root));
        opens(R.id.photo, PhotoActivity.class);
        opens(R.id.live, LiveActivity.class);
        opens(R.id.benchmark, BenchmarkActivity.class);
        final TextView version = (TextView) findViewById(R.id.version);
        try {
            version.setText(getString(R.string.library_version, Enhancer.version()));
        } catch (LinkageError e) {
            version.setText(Screen.words(this, Failure.of(e), e));
        }
    }

    private void opens(int button, Class<? extends Activity> screen) {
        findViewById(button).setOnClickListener(view -> startActivity(new Intent(this, screen)));
    }
}
