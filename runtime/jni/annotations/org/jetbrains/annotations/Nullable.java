package org.jetbrains.annotations;

/** May be null. Wanted by the compiler only, see ../../../../README.md; Kotlin knows it by this name. */
public @interface Nullable {}
