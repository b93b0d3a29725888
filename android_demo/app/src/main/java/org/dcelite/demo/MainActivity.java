package org.dcelite.demo;

import android.app.Activity;
import android.content.Intent;
import android.os.Bundle;
import android.widget.TextView;
import org.dcelite.Enhancer;

/** The way to the three screens. */
public final class MainActivity extends Screen {
    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        setContentView(R.layout.main);
        opens(R.id.photo, PhotoActivity.class);
        opens(R.id.live, LiveActivity.class);
        opens(R.id.benchmark, BenchmarkActivity.class);
        inBackground(() -> say(getString(R.string.library_version, Enhancer.version())));
    }

    private void opens(int button, Class<? extends Activity> screen) {
        findViewById(button).setOnClickListener(view -> startActivity(new Intent(this, screen)));
    }

    @Override
    void say(String text) {
        final TextView version = find(R.id.version);
        ui.post(() -> version.setText(text));
    }
}
