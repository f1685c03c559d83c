"""What an editor talks to: tars as an agent of the Agent Client Protocol, on stdio."""
