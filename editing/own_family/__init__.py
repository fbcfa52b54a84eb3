"""A family of one's own: from a generator and 16 labelled pictures to a published bundle.

The state of one family lives in a *project folder* (`project`), so that the command line
and a worker do the same. Seven steps, a module each: `bring` a generator, draw `samples`,
name the parts (`schema`), take in `labels` (`exchange`), train the `branch`, train the
`encoder`, `publish`. A long step is a generator of `progress.Progress`: closing it cancels,
calling it again goes on from the last checkpoint.
"""
