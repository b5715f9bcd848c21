"""The shapes of sequence problems, one module each, with four functions of fixed name and a constant.

pair(x, y)                                       an encoded batch -> (what the model gets, what it should say)
build(inputs, targets, settings)                 the Keras model, not trained
loss(targets, settings)                          the Keras loss of (what it should say, what it says)
endpoints(model, inputs, targets, settings)      {name: (function in TensorFlow ops, its signature)}
STREAMS                                          whether examples are one long text (seqtasks.streams), not rows

`writer` is no pattern: it is what those that write are made of.
"""
