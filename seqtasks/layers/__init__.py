"""The recurrent layers, and the layers around them."""

from seqtasks.layers import backend

backend.require()

from seqtasks.layers.fast import why_not_fast
from seqtasks.layers.fused_embedding import FusedEmbedding
from seqtasks.layers.gru import GRU
from seqtasks.layers.lstm import LSTM
from seqtasks.layers.simple_rnn import SimpleRNN

__all__ = ["GRU", "LSTM", "FusedEmbedding", "SimpleRNN", "why_not_fast"]
