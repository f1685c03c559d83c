"""The built-in agent `echo`: speaks the Agent Client Protocol, without a model and at no cost.

`python -m tars.agents.echo` is the agent; `script` says what it can be told to do. It
starts fast because it imports only what json needs: no dataclasses, no typing.
`kind` and `history` are what tars knows of it; the agent itself loads neither.
"""
