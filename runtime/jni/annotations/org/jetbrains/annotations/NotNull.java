package org.jetbrains.annotations;

/** Never null. Wanted by the compiler only, see ../../../../README.md; Kotlin knows it by this name. */
public @interface NotNull {}
