"""Training of pictogram, the small text-to-image latent model that ships with the engine."""
