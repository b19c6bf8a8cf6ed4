"""Documents that are reloaded while requests are served."""
