"""The recurrent layers, and what stands around them."""

from seqtasks.layers.fast import why_not_fast
from seqtasks.layers.fused_embedding import Folded
from seqtasks.layers.gru import GRU
from seqtasks.layers.lstm import LSTM
from seqtasks.layers.simple_rnn import SimpleRNN

__all__ = ["GRU", "LSTM", "Folded", "SimpleRNN", "why_not_fast"]
