"""A graph convolutional network (Kipf & Welling 2017) from its formula.

    python examples/one_file/gcn.py
    MODELWRIGHT_DATA=... python examples/one_file/gcn.py    # Cora, if social/planetoid_plain/cora.npz is there

Without data it makes a graph: 600 people in four circles, who mostly know people of their own circle and say a little
about themselves. Five of each circle are known; of all others it is to be told. What everybody says about themselves is
hardly enough for that, but one may listen to their friends.
"""

import os
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

DATA = os.environ.get("MODELWRIGHT_DATA", "")


def normalised(edges, nodes):
    """`D^-1/2 (A + I) D^-1/2` as a sparse matrix (nodes, nodes), from undirected edges (E, 2), each named once.

    A + I: a node listens to its neighbours and to itself. D counts whom it listens to: without it, whoever has many
    friends would be louder. On both sides, so that a neighbour with many friends says less to each.
    """
    loops = torch.arange(nodes).repeat(2, 1)
    places = torch.cat([edges.T, edges.T.flip(0), loops], 1)
    degree = torch.bincount(places[0], minlength=nodes).float()
    values = degree[places[0]] ** -0.5 * degree[places[1]] ** -0.5
    return torch.sparse_coo_tensor(places, values, (nodes, nodes), check_invariants=True).coalesce()


class GCN(nn.Module):
    """Two times `A X W + b`, with a relu between: a node hears its neighbours, and what they heard from theirs."""

    def __init__(self, features, hidden, classes, dropout=0.5):
        super().__init__()
        self.first, self.second = nn.Linear(features, hidden, bias=False), nn.Linear(hidden, classes, bias=False)
        self.biases = nn.ParameterList([torch.zeros(hidden), torch.zeros(classes)])
        nn.init.xavier_uniform_(self.first.weight)
        nn.init.xavier_uniform_(self.second.weight)
        self.dropout = nn.Dropout(dropout)

    def forward(self, adjacency, x):
        """Sparse features (N, F) of all nodes -> logits (N, classes)."""
        values = self.dropout(x.values())  # what is 0, as most is, stays 0 whether dropped or not
        x = torch.sparse_coo_tensor(x.indices(), values, x.shape, is_coalesced=True, check_invariants=False)
        x = adjacency @ (x @ self.first.weight.T) + self.biases[0]
        return adjacency @ self.second(self.dropout(x.relu())) + self.biases[1]


def made(seed, circles=4, people=150, words=50):
    """A stochastic block model: features (N, words), labels (N,), edges (E, 2) and the nodes to learn from and to test.

    Two people of one circle know each other with probability .04, others with .004; each says 4 words of the 50, half of
    the time one of the circle's own.
    """
    torch.manual_seed(seed)
    labels = torch.arange(circles).repeat_interleave(people)
    nodes = len(labels)
    chance = torch.where(labels[:, None] == labels, 0.04, 0.004)
    edges = (torch.rand(nodes, nodes) < chance).triu(1).nonzero()
    own = labels[:, None] * (words // circles) + torch.randint(words // circles, (nodes, 4))
    said = torch.where(torch.rand(nodes, 4) < 0.5, own, torch.randint(words, (nodes, 4)))
    x = torch.zeros(nodes, words).scatter_(1, said, 1.0)
    order = torch.randperm(nodes)
    learn = torch.cat([order[labels[order] == circle][:5] for circle in range(circles)])
    test = order[~torch.isin(order, learn)]
    return x, labels, edges, learn, test


def cora(path):
    """2,708 papers and who cites whom (Sen 2008; the split of Yang 2016): the same five things."""
    import numpy as np

    with np.load(path, allow_pickle=False) as file:
        stored = {name: torch.tensor(file[name]) for name in file.files}
    indices, pointers = stored["x_indices"].long(), stored["x_indptr"].long()
    rows = torch.arange(len(pointers) - 1).repeat_interleave(pointers.diff())
    x = torch.zeros(tuple(stored["x_shape"].tolist()))
    x[rows, indices] = stored["x_data"]
    return x, stored["y"].long(), stored["edges"].long(), stored["train_idx"].long(), stored["test_idx"].long()


def train(adjacency, x, labels, learn, test, epochs, hidden, seed):
    """The test accuracy after so many steps, each on the whole graph."""
    torch.manual_seed(seed)
    model = GCN(x.shape[1], hidden, int(labels.max()) + 1)
    groups = [  # as in the paper, only the first layer is held back
        {"params": [model.first.weight, model.biases[0]], "weight_decay": 5e-4},
        {"params": [model.second.weight, model.biases[1]], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.Adam(groups, lr=0.01)
    for _ in range(epochs):
        model.train()
        loss = F.cross_entropy(model(adjacency, x)[learn], labels[learn])  # all are heard, few are asked
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        return (model(adjacency, x)[test].argmax(1) == labels[test]).float().mean().item()


def main(epochs=200, hidden=16, seeds=10, data=DATA):
    """Train with the graph and without it, and return the mean test accuracy of each over the seeds."""
    file = Path(data) / "social" / "planetoid_plain" / "cora.npz"
    real = bool(data) and file.exists()
    x, labels, edges, learn, test = cora(file) if real else made(seed=0)
    x = (x / x.sum(1, keepdim=True).clamp(min=1)).to_sparse()
    print(f"{'Cora' if real else 'made graph'}: {len(x):,} nodes, {len(edges):,} edges, {len(learn)} known")
    graphs = {"with the graph": edges, "without it": edges[:0]}
    found = {}
    for name, known in graphs.items():
        adjacency = normalised(known, len(x))
        scores = torch.tensor([train(adjacency, x, labels, learn, test, epochs, hidden, seed) for seed in range(seeds)])
        found[name] = scores.mean().item()
        print(f"{name}: test accuracy {found[name]:.4f} +- {scores.std(correction=0):.4f} ({seeds} seeds)")
    return found


if __name__ == "__main__":
    main()
