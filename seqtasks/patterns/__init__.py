"""The shapes of sequence problems, one module each, with six functions of fixed name and three constants.

pair(x, y)                                       an encoded batch -> (what the model gets, what it should say)
build(inputs, targets, settings)                 the Keras model, not trained
loss(targets, settings)                          of (what it should say, what it says) -> a value each
judged(y, output)                                of these what accuracy is told by: ids and logits
endpoints(model, inputs, targets, settings)      {name: (function in TensorFlow ops, its signature)}: raw values in
portable(model, inputs, targets, settings)       the same for runtimes that read none: one row as the codec gives it
DEFAULTS                                         its settings
STREAMS                                          whether examples are one long text (seqtasks.streams), not rows
TELLS                                            whether answers are sentences; then there is one function more:
tell(model, inputs, targets, settings)           a function of values as they are kept -> answer, score, to evaluate it

`layers.stateful_decoder` is no pattern: it is what those that write are made of.
"""
