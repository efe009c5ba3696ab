"""The queue: jobs that are done exactly once as far as anybody counts, whatever dies meanwhile.

jobs        what a job is, who does it, what came of it
submit      jobs come in, in the transaction of what they are about
claims      workers take jobs and settle them; `moves`: how a job stops running, and all that counts it
lanes       whose turn it is: one lane for each kind, priority and organization
workers     who is alive, and what the dead were doing
waiting     what time does: retries that are due, cancelled batches, lanes that were passed over
patience    waiting for a database that is away
verdicts    what is said of a job that its handler has said nothing of
rates       how much has been finished lately
dispatcher  the task that does all this while a server runs

It knows nothing of images. What a job means, and what settling it does to the library, is its handler's.
"""
