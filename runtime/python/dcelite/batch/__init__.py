"""Many photographs in one run: which file becomes which, and the work on all processors."""
