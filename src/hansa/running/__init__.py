"""The one verb, `run(job, on=engine)`, and what it gives: a result, a model, a run folder that can be resumed."""
