"""The stack without a cloud: its form, its variables, its zip, and each block by the provider's schema."""
