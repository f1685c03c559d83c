"""What agents say: frozen values, whatever the protocol they came over."""
