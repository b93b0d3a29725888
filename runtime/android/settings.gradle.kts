// For this folder as a project of its own; an app includes it as a module (../jni/README.md).
pluginManagement {
    repositories {
        google()
        mavenCentral()
    }
    plugins { id("com.android.library") version "8.7.3" }
}
dependencyResolutionManagement {
    repositories {
        google()
        mavenCentral()
    }
}
rootProject.name = "dcelite"
