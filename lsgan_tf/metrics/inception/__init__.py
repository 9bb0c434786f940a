"""The Inception network of IS, FID and KID."""
