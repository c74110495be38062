"""A long short-term memory from its equations (Hochreiter & Schmidhuber 1997). No nn.LSTM.

    python examples/one_file/lstm.py

The task is the one that its inventors set it: words of the embedded Reber grammar, a small machine that goes from letter
to letter. The second letter, T or P, comes again at the end; whatever stands between says nothing about it. To tell the
last letter, one bit has to be remembered over the whole word.
"""

import random

import torch
import torch.nn.functional as F
from torch import nn

LETTERS = " BTPSXVE"  # the first stands for padding
GRAMMAR = [  # from each state: the letters that may come, and the states they lead to
    {"B": 1}, {"T": 2, "P": 3}, {"S": 2, "X": 4}, {"T": 3, "V": 5}, {"X": 3, "S": 6}, {"P": 4, "V": 6}, {"E": 7},
]  # fmt: skip


class LSTM(nn.Module):
    """(B, T, width) -> (B, T, hidden).

    i, f, o = sigmoid(W x_t + U h_(t-1) + b), each with its own W, U, b: what to let in, what to keep, what to show
    g       = tanh(W x_t + U h_(t-1) + b):    what there is to let in
    c_t     = f * c_(t-1) + i * g:            the memory; where f is 1 and i is 0 it stays, and so does its gradient
    h_t     = o * tanh(c_t)
    """

    def __init__(self, width, hidden):
        super().__init__()
        self.W = nn.Parameter(torch.empty(4 * hidden, width))  # the four gates one below the other: i, f, g, o
        self.U = nn.Parameter(torch.empty(4 * hidden, hidden))
        self.b = nn.Parameter(torch.zeros(4 * hidden))
        nn.init.xavier_uniform_(self.W)
        nn.init.orthogonal_(self.U)
        with torch.no_grad():
            self.b[hidden : 2 * hidden] = 1  # begins by keeping (Jozefowicz 2015)

    def forward(self, x):
        h = c = x.new_zeros(len(x), self.U.shape[1])
        from_inputs = x @ self.W.T + self.b  # all steps at once: nothing here waits for the state
        states = []
        for step in from_inputs.unbind(1):
            i, f, g, o = (step + h @ self.U.T).chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            states.append(h)
        return torch.stack(states, 1)


class Reader(nn.Module):
    """Letters (B, T) -> logits (B, classes), from the state after each word's last letter."""

    def __init__(self, letters=8, width=16, hidden=32, classes=2):
        super().__init__()
        self.table = nn.Embedding(letters, width, padding_idx=0)
        self.lstm = LSTM(width, hidden)
        self.output = nn.Linear(hidden, classes)

    def forward(self, ids):
        states = self.lstm(self.table(ids))
        last = (ids > 0).sum(1) - 1  # what is read after it is padding, and is not looked at
        return self.output(states[torch.arange(len(ids)), last])


def word(draw, shortest, longest):
    """A word of the grammar whose inner part has so many letters."""
    while True:
        state, letters = 0, []
        while state < 7:
            letter, state = draw.choice(list(GRAMMAR[state].items()))
            letters.append(letter)
        if shortest <= len(letters) <= longest:
            return letters


def words(count, shortest, longest, seed):
    """Words without their last two letters (count, T), padded, and which of the two they were: 0 is T, 1 is P."""
    draw = random.Random(seed)
    ids, answers = [], []
    for _ in range(count):
        outer = draw.choice("TP")
        answers.append("TP".index(outer))
        letters = ["B", outer, *word(draw, shortest, longest)]
        ids.append(torch.tensor([LETTERS.index(letter) for letter in letters]))
    return nn.utils.rnn.pad_sequence(ids, batch_first=True), torch.tensor(answers)


def main(steps=200, hidden=32, batch=64, lr=5e-3, rows=4000, seed=0):
    """Train, and return the accuracy on new words as long as those learned from, and on longer ones."""
    torch.manual_seed(seed)
    ids, answers = words(rows, 5, 20, seed)
    tests = {"as long as those": words(500, 5, 20, seed + 1), "longer, 21 to 40": words(500, 21, 40, seed + 2)}
    model = Reader(hidden=hidden)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters; {rows:,} words of 5 to 20 inner letters")
    accuracy = {}
    for step in range(1, steps + 1):
        chosen = torch.randint(len(ids), (batch,))
        loss = F.cross_entropy(model(ids[chosen]), answers[chosen])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)  # through many steps a gradient may explode
        optimizer.step()
        if step % 25 == 0 or step == steps:
            with torch.no_grad():
                accuracy = {name: (model(x).argmax(1) == y).float().mean().item() for name, (x, y) in tests.items()}
            shown = ", ".join(f"{name}: {value:.3f}" for name, value in accuracy.items())
            print(f"step {step:4}: loss {loss.item():.4f}; accuracy on new words {shown} (guessing: .5)")
    return accuracy


if __name__ == "__main__":
    main()
