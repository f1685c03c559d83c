"""`tars chat`: an interactive conversation with a supervised agent.

`command` reads the options. On a terminal `face` is the screen and the keys, elsewhere
`scripted` takes lines as prompts. `links` brings what the daemon tells, `talk` makes of it what is
shown, `markdown` and `inline` how. `slash` knows the commands, `records` the sessions.
"""
