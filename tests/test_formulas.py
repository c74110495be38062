"""Every formula of the articles against a few lines of plain NumPy. Where an article slips, its docstring says so."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from modelwright import losses, optimizers, schedules
from modelwright.blocks.convolution import ConvolutionLayer
from modelwright.blocks.dense import dense_stack
from modelwright.blocks.pooling import mean
from modelwright.blocks.recurrent import Recurrent
from modelwright.blocks.seq2seq import RecurrentDecoder
from modelwright.blocks.stream import Source
from modelwright.models.assembled import Assembled
from modelwright.reconstruction import row_bounds

RNG = np.random.default_rng(0)


def tensor(array: np.ndarray, grad: bool = False) -> torch.Tensor:
    return torch.tensor(array, dtype=torch.float32, requires_grad=grad)


def numpy(weight: torch.Tensor) -> np.ndarray:
    return weight.detach().double().numpy()


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def softmax(x: np.ndarray) -> np.ndarray:
    shifted = np.exp(x - x.max(-1, keepdims=True))
    return shifted / shifted.sum(-1, keepdims=True)


def close(found: object, wanted: object, tolerance: float = 1e-5) -> None:
    found = found.detach().numpy() if isinstance(found, torch.Tensor) else found
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)


# ---- networks


@pytest.mark.parametrize(
    ("name", "function"), [("relu", lambda x: np.maximum(x, 0)), ("sigmoid", sigmoid), ("tanh", np.tanh)]
)
def test_dense_layer(name, function):
    """y = f(W x + b) (articles 003, 3.1 and 004, 3.1)."""
    torch.manual_seed(0)
    layer, x = dense_stack(5, (3,), name), RNG.normal(size=(7, 5))
    weight, bias = numpy(layer[0].weight), numpy(layer[0].bias)
    close(layer(tensor(x)), function(x @ weight.T + bias))


def test_back_propagation():
    """dL/dw_l from dL/dz_(l+1), layer by layer from the output (the introductory articles), on a 2-layer net with MSE."""
    torch.manual_seed(0)
    net = nn.Sequential(*dense_stack(4, (6,), "sigmoid"), nn.Linear(6, 2))
    x, y = RNG.normal(size=(8, 4)), RNG.normal(size=(8, 2))
    total, count = losses.mse(net(tensor(x)), tensor(y))
    (total / count).backward()

    w1, b1, w2, b2 = (numpy(weight) for weight in net.parameters())
    hidden = sigmoid(x @ w1.T + b1)
    at_output = 2 * (hidden @ w2.T + b2 - y) / y.size
    at_hidden = at_output @ w2 * hidden * (1 - hidden)
    expected = [at_hidden.T @ x, at_hidden.sum(0), at_output.T @ hidden, at_output.sum(0)]
    for weight, gradient in zip(net.parameters(), expected):
        close(weight.grad, gradient)


def test_convolution():
    """y[m, n] = sum x[m - p, n - q] w[p, q] (the introductory articles) is a convolution with the kernel turned round.

    Libraries, and this one, compute the cross-correlation sum x[m + p, n + q] w[p, q]; turning the kernel by half a
    turn gives the article's formula, away from the border.
    """
    torch.manual_seed(0)
    layer = ConvolutionLayer((1, 1), 3, same=False, activation="none")
    x, kernel, bias = RNG.normal(size=(6, 7)), numpy(layer.filter.weight)[0, 0], numpy(layer.filter.bias)[0]
    found = layer(tensor(x[None, None]))[0][0, 0]
    correlation = np.zeros((4, 5))
    flipped = np.zeros((4, 5))
    for m in range(4):
        for n in range(5):
            for p in range(3):
                for q in range(3):
                    correlation[m, n] += x[m + p, n + q] * kernel[p, q]
                    flipped[m, n] += x[m + 2 - p, n + 2 - q] * kernel[::-1, ::-1][p, q]
    close(found, correlation + bias)
    close(correlation, flipped)


@pytest.mark.parametrize(("kind", "function"), [("max", np.max), ("average", np.mean)])
def test_pooling(kind, function):
    """The largest value or the average of each window (the introductory articles); after ReLU, as in the nets' code."""
    torch.manual_seed(0)
    layer = ConvolutionLayer((1, 1), 1, shrink=2, shrink_by=kind)
    x = RNG.normal(size=(4, 6))
    weight, bias = numpy(layer.filter.weight).item(), numpy(layer.filter.bias).item()
    windows = np.maximum(x * weight + bias, 0).reshape(2, 2, 3, 2)
    close(layer(tensor(x[None, None]))[0][0, 0], function(windows, axis=(1, 3)))


def test_elman_cell():
    """h_t = f(W x_t + U h_(t-1) + b) (the introductory articles)."""
    layer, x, (w, u, b, c) = recurrent("rnn")
    h, states = np.zeros((2, 3)), []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ w.T + b + h @ u.T + c)
        states.append(h)
    close(layer(tensor(x)), np.stack(states, 1))


def test_gru_cell():
    """Gates of the introductory articles, in torch's form: r_t after the matrix, and z_t for the article's 1 - z_t."""
    layer, x, (w, u, b, c) = recurrent("gru")
    h, states = np.zeros((2, 3)), []
    for t in range(x.shape[1]):
        inner, outer = x[:, t] @ w.T + b, h @ u.T + c
        r = sigmoid(inner[:, :3] + outer[:, :3])
        z = sigmoid(inner[:, 3:6] + outer[:, 3:6])
        candidate = np.tanh(inner[:, 6:] + r * outer[:, 6:])
        h = (1 - z) * candidate + z * h
        states.append(h)
    close(layer(tensor(x)), np.stack(states, 1))


def test_lstm_cell():
    """i, f, o, candidate, C_t = f C_(t-1) + i candidate, h_t = o tanh(C_t) (the introductory articles)."""
    layer, x, (w, u, b, c) = recurrent("lstm")
    h, cell, states = np.zeros((2, 3)), np.zeros((2, 3)), []
    for t in range(x.shape[1]):
        gates = x[:, t] @ w.T + b + h @ u.T + c
        i, f, candidate, o = (gates[:, k : k + 3] for k in range(0, 12, 3))
        cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(candidate)
        h = sigmoid(o) * np.tanh(cell)
        states.append(h)
    close(layer(tensor(x)), np.stack(states, 1))


def test_decoder_with_attention():
    """h_t from the memory's ends, c_t = softmax(h_t W_a m / sqrt(D)) m, tanh(W_c [h_t; c_t]) (Luong 2015), Elman cells."""
    torch.manual_seed(0)
    decoder = RecurrentDecoder("rnn", 3, 4, 5).eval()
    memory, x = RNG.normal(size=(6, 4)), RNG.normal(size=(7, 3))
    found, _ = decoder(tensor(x)[None], decoder.start(tensor(memory)[None], None))
    cell = {name: numpy(weight) for name, weight in decoder.cells.rightward[0].named_parameters()}
    begin, join = ((numpy(layer.weight), numpy(layer.bias)) for layer in (decoder.begin, decoder.join))
    h = np.tanh(begin[0] @ np.concatenate([memory[0], memory[-1]]) + begin[1])
    for step in range(7):
        inputs = cell["weight_ih_l0"] @ x[step] + cell["bias_ih_l0"]
        h = np.tanh(inputs + cell["weight_hh_l0"] @ h + cell["bias_hh_l0"])
        attention = softmax(memory @ numpy(decoder.key.weight).T @ h / np.sqrt(5))
        close(found[0, step], np.tanh(join[0] @ np.concatenate([h, attention @ memory]) + join[1]))


def recurrent(cell: str):
    torch.manual_seed(0)
    layer = Recurrent(cell, 4, 3)
    for weight in layer.parameters():  # all numbers matter, biases too
        nn.init.normal_(weight)
    return layer, RNG.normal(size=(2, 5, 4)), [numpy(weight) for weight in layer.parameters()]


# ---- losses


def test_mse():
    """(1/n) sum (y - p)^2 (the introductory articles)."""
    y, p = RNG.normal(size=20), RNG.normal(size=20)
    total, count = losses.mse(tensor(p), tensor(y))
    close(total / count, np.mean((y - p) ** 2))


def test_cross_entropy():
    """-sum_c y_c log p_c, with p the softmax of the logits (the introductory articles).

    The introductory articles give a loss that expects logits the output of a softmax; heads here hand on logits once.
    """
    logits, classes = RNG.normal(size=(9, 4)), RNG.integers(0, 4, 9)
    one_hot = np.eye(4)[classes]
    expected = -np.sum(one_hot * np.log(softmax(logits)))
    for target in (torch.tensor(classes), tensor(one_hot)):
        total, count = losses.cross_entropy(tensor(logits), target)
        close(total, expected)
        assert count == 9


def test_sequence_cross_entropy():
    """-sum_t sum_i y_ti log p_ti ("DCEL", the introductory articles): cross-entropy over time steps, padding left out."""
    logits, classes = RNG.normal(size=(3, 5, 4)), RNG.integers(0, 4, (3, 5))
    mask = np.arange(5) < np.array([5, 2, 0])[:, None]
    log_probability = np.log(softmax(logits))
    expected = -sum(log_probability[b, t, classes[b, t]] for b in range(3) for t in range(5) if mask[b, t])
    total, count = losses.sequence_cross_entropy(tensor(logits), torch.tensor(classes), torch.tensor(mask))
    close(total, expected)
    assert count == 7


def test_maximum_likelihood():
    """Maximum likelihood of a normal distribution with variance 1 is MSE / 2 plus a constant (the introductory articles)."""
    y, p = RNG.normal(size=30), RNG.normal(size=30)
    total, count = losses.gaussian_negative_log_likelihood(tensor(p), torch.zeros(30), tensor(y))
    density = np.exp(-((y - p) ** 2) / 2) / np.sqrt(2 * np.pi)
    close(total, -np.log(np.prod(density)), 1e-4)
    squared, _ = losses.mse(tensor(p), tensor(y))
    close(total / count, squared / count / 2 + 0.5 * np.log(2 * np.pi))


def test_prior_term_of_the_elbo():
    """KL(q || N(0, 1)) in closed form against an integral. The introductory articles' ELBO has log q but not the prior log p(z)."""
    mu, log_variance = 0.7, -0.4
    z = np.linspace(-12, 12, 200_001)
    q = np.exp(-((z - mu) ** 2) / (2 * np.exp(log_variance))) / np.sqrt(2 * np.pi * np.exp(log_variance))
    prior = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    integral = np.sum(q * (np.log(q + 1e-300) - np.log(prior))) * (z[1] - z[0])
    total, count = losses.gaussian_kl(torch.full((5, 1), mu), torch.full((5, 1), log_variance))
    close(total / count, integral)


def test_evidence_lower_bound():
    """z ~ N(0, 1), x | z ~ N(w z + b, 1): the ELBO as an integral, and many draws against the log p(x) that is known."""
    torch.manual_seed(0)
    source = Source("x", "vector", {"size": 1})
    head = {"kind": "reconstruct", "hidden": (), "variance": "unit"}
    model = Assembled(
        [source],
        {"x": ("reconstruct", {"source": source})},
        encoders={"x": {"kind": "mlp", "hidden": (), "dropout": 0.0}},
        fuse={"kind": "gaussian", "size": 1},
        heads={"x": head},
    ).eval()
    for values in model.fuse.log_variance.parameters():
        nn.init.zeros_(values)  # wider than the posterior: few draws would decide all otherwise
    (w, b), x = (float(value.detach()) for value in model.head("x").decoder[-1].parameters()), 0.8
    mu, log_variance = (
        float(layer(torch.tensor([x])).detach()) for layer in (model.fuse.mean, model.fuse.log_variance)
    )
    z = np.linspace(-12, 12, 200_001)

    def normal(value, mean, variance):
        return np.exp(-((value - mean) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)

    q, likelihood, prior = normal(z, mu, np.exp(log_variance)), normal(x, w * z + b, 1), normal(z, 0, 1)
    elbo = np.sum(q * (np.log(likelihood) + np.log(prior) - np.log(q + 1e-300))) * (z[1] - z[0])
    truth = np.log(normal(x, b, 1 + w**2))
    found = row_bounds(model, {"x": torch.full((1, 1), x)}, samples=20_000)
    close(found["elbo"], [elbo], 0.02)
    close(found["bound_20000"], [truth], 0.02)
    assert elbo < truth


# ---- training


def quadratic() -> tuple[nn.Linear, np.ndarray, np.ndarray]:
    torch.manual_seed(0)
    return nn.Linear(3, 1, bias=False), RNG.normal(size=(10, 3)), RNG.normal(size=(10, 1))


def descend(model: nn.Linear, optimizer, x: np.ndarray, y: np.ndarray) -> None:
    total, count = losses.mse(model(tensor(x)), tensor(y))
    optimizer.zero_grad()
    (total / count).backward()
    optimizer.step()


def gradient(weight: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return 2 * (x @ weight.T - y).T @ x / len(x)


def test_gradient_descent():
    """theta <- theta - eta grad J(theta), J over all rows (articles 001, 3.2 and 004, 3.2)."""
    model, x, y = quadratic()
    weight, optimizer = numpy(model.weight), optimizers.gradient_descent(model, lr=0.05)
    for _ in range(5):
        descend(model, optimizer, x, y)
        weight = weight - 0.05 * gradient(weight, x, y)
    close(model.weight, weight)
    assert optimizers.gradient_descent.full_batch


def test_sgd():
    """The same with the gradient of a random batch B_t (the introductory articles)."""
    model, x, y = quadratic()
    weight, optimizer = numpy(model.weight), optimizers.sgd(model, lr=0.05)
    for _ in range(5):
        batch = RNG.choice(10, 4, replace=False)
        descend(model, optimizer, x[batch], y[batch])
        weight = weight - 0.05 * gradient(weight, x[batch], y[batch])
    close(model.weight, weight)


def test_momentum():
    """v <- mu v + g; theta <- theta - eta v (named in the introductory articles)."""
    model, x, y = quadratic()
    weight, velocity = numpy(model.weight), 0.0
    optimizer = optimizers.momentum(model, lr=0.05, momentum=0.8, nesterov=False)
    for _ in range(5):
        descend(model, optimizer, x, y)
        velocity = 0.8 * velocity + gradient(weight, x, y)
        weight = weight - 0.05 * velocity
    close(model.weight, weight)


def test_rmsprop():
    """s <- a s + (1 - a) g^2; theta <- theta - eta g / (sqrt(s) + eps) (named in the introductory articles)."""
    model, x, y = quadratic()
    weight, square, optimizer = numpy(model.weight), 0.0, optimizers.rmsprop(model, lr=0.05, decay=0.9)
    for _ in range(5):
        descend(model, optimizer, x, y)
        slope = gradient(weight, x, y)
        square = 0.9 * square + 0.1 * slope**2
        weight = weight - 0.05 * slope / (np.sqrt(square) + 1e-8)
    close(model.weight, weight)


def test_adam_has_the_bias_correction_that_the_article_omits():
    """Kingma & Ba 2015, algorithm 1. The introductory articles use m and v as they are, without dividing by 1 - beta^t."""
    model, x, y = quadratic()
    weight, optimizer = numpy(model.weight), optimizers.adam(model, lr=0.05)
    articles = weight
    m = v = article_m = article_v = 0.0
    for t in range(1, 6):
        descend(model, optimizer, x, y)
        slope = gradient(weight, x, y)
        m, v = 0.9 * m + 0.1 * slope, 0.999 * v + 0.001 * slope**2
        weight = weight - 0.05 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        slope = gradient(articles, x, y)
        article_m, article_v = 0.9 * article_m + 0.1 * slope, 0.999 * article_v + 0.001 * slope**2
        articles = articles - 0.05 * article_m / (np.sqrt(article_v) + 1e-8)
    close(model.weight, weight)
    assert np.abs(articles - weight).max() > 0.05


def test_decay():
    """eta_t = eta decay^t (the introductory articles)."""
    for t in range(20):
        close(schedules.exponential(t, 20, decay=0.9, every=1), 0.9**t)


def test_mean_pooling_is_the_mean_of_the_tokens():
    x, lengths = RNG.normal(size=(3, 5, 2)), [5, 2, 1]
    mask = np.arange(5) < np.array(lengths)[:, None]
    expected = np.stack([row[:length].mean(0) for row, length in zip(x, lengths)])
    close(mean(tensor(x), torch.tensor(mask)), expected)
