"""Any agent that speaks the Agent Client Protocol, by a few lines of configuration."""
