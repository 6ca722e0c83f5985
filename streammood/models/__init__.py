"""TFLite models and their manifests: loaded once, refused at the start where they do not fit."""
