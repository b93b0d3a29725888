// The AAR: org.dcelite.Enhancer with libdcelite_jni.so, and libdcelite.so with its header as a prefab package.
plugins { id("com.android.library") }

val msliteHome = providers.gradleProperty("dcelite.msliteHome").orNull

android {
    namespace = "org.dcelite"
    compileSdk = 35

    defaultConfig {
        minSdk = 23
        consumerProguardFiles("consumer-rules.pro")
        externalNativeBuild {
            cmake {
                targets += listOf("dcelite", "dcelite_jni")
                arguments += listOf("-DDCELITE_JNI=ON", "-DDCELITE_BENCH=OFF", "-DDCELITE_INSTALL=OFF")
                if (msliteHome != null) {
                    targets += "dcelite_mslite"
                    arguments += listOf("-DANDROID_STL=c++_shared", "-DDCELITE_MINDSPORE_LITE=ON", "-DMSLITE_HOME=$msliteHome")
                } else {
                    arguments += "-DANDROID_STL=none"  // any app can link it, whatever its own C++ library is
                }
            }
        }
        // The official package of MindSpore Lite is for one ABI.
        ndk { abiFilters += if (msliteHome != null) listOf("arm64-v8a") else listOf("arm64-v8a", "armeabi-v7a", "x86_64") }
    }
    externalNativeBuild { cmake { path = file("../../CMakeLists.txt") } }
    sourceSets { getByName("main") { java.srcDir("../jni/java") } }
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_1_8
        targetCompatibility = JavaVersion.VERSION_1_8
    }
    buildFeatures { prefabPublishing = true }
    prefab { create("dcelite") { headers = "../include" } }
}

dependencies { compileOnly("org.jetbrains:annotations:24.1.0") }
