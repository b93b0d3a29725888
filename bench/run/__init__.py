"""Taking the samples: needs nothing but the runtime."""
