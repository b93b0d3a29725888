"""Zero-DCE and Zero-DCE++ (with a scene head or without) as MindSpore Cells: image -> curve map -> enhanced image.

Images and maps are float32, (batch, channel, row, column), red, green, blue in [0, 1]. ``dcelite.reference`` states the
same mathematics in NumPy; parameter names are those of the published code, so published checkpoints load.
"""

from __future__ import annotations

import numpy as np

from dcelite.model.architecture import FILTERS, SCENE_HEAD, SOURCES, STEERED, Architecture, architecture_of
from dcelite.model.checkpoint import Weights
from dcelite.reference import ITERATIONS, SCENE_BINS
from dcelite.training.backend import Tensor, nn, ops


def _convolution(channels_in: int, channels_out: int, kernel: int, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(
        channels_in, channels_out, kernel, pad_mode="pad", padding=kernel // 2, group=groups, has_bias=True
    )


class SeparableConvolution(nn.Cell):
    """3x3 depthwise, then 1x1 pointwise convolution, each with bias, nothing in between (Zero-DCE++, section 3.5)."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.depth_conv = _convolution(channels_in, channels_in, kernel=3, groups=channels_in)
        self.point_conv = _convolution(channels_in, channels_out, kernel=1)

    def construct(self, x: Tensor) -> Tensor:
        return self.point_conv(self.depth_conv(x))


class SceneHead(nn.Cell):
    """(N, 3, h, w) in [0, 1] -> what is added to the steered layers, (N, 64, 1, 1): ``reference.scene_offsets``."""

    def __init__(self) -> None:
        super().__init__()
        hidden, output = SCENE_HEAD["scene_head.hidden.weight"], SCENE_HEAD["scene_head.output.weight"]
        self.hidden = nn.Dense(hidden[1], hidden[0], activation="relu")
        self.output = nn.Dense(output[1], output[0])
        self.bins = Tensor(np.arange(SCENE_BINS, dtype=np.float32).reshape(1, SCENE_BINS, 1, 1))

    def _histogram(self, values: Tensor) -> Tensor:
        """(N, 1, h, w) in 0 … 1 -> (N, 16)."""
        distance = ops.abs((SCENE_BINS - 1) * ops.sqrt(values) - self.bins)
        return ops.relu(1.0 - distance).mean((2, 3))

    def construct(self, image: Tensor) -> Tensor:
        brightest, mean = image.max(1, keepdims=True), image.mean(1, keep_dims=True)
        statistics = (self._histogram(brightest), self._histogram(mean), image.mean((2, 3)))
        return self.output(self.hidden(ops.cat(statistics, 1))).expand_dims(-1).expand_dims(-1)


class CurveNetwork(nn.Cell):
    """(N, 3, h, w) in [0, 1] -> curve map (N, 3 | 24, h, w) in (-1, 1). This is what export freezes."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        for number, channels in enumerate(architecture.layer_channels, start=1):
            layer = SeparableConvolution(*channels) if architecture.separable else _convolution(*channels, kernel=3)
            setattr(self, f"e_conv{number}", layer)
        if architecture.has_scene:
            self.scene_head = SceneHead()
        self.relu = nn.ReLU()
        self.tanh = nn.Tanh()

    def construct(self, image: Tensor) -> Tensor:
        offsets = ops.split(self.scene_head(image), FILTERS, 1) if self.architecture.has_scene else ()
        outputs = [image]
        # (N, 3, 32 or 64, h, w) -> (N, 32, h, w), in the last layer (N, C, h, w)
        for number in range(1, len(SOURCES) + 1):
            inputs = [outputs[k] for k in SOURCES[number - 1]]
            x = inputs[0] if len(inputs) == 1 else ops.cat(inputs, 1)
            x = getattr(self, f"e_conv{number}")(x)
            if self.architecture.has_scene and number in STEERED:
                x = x + offsets[STEERED.index(number)]
            outputs.append(self.relu(x) if number < len(SOURCES) else self.tanh(x))
        return outputs[-1]


def apply_curve(image: Tensor, curve_map: Tensor, iterations: int) -> Tensor:
    """LE_n = LE_{n-1} + A_n LE_{n-1} (1 - LE_{n-1}), the published networks giving -A_n: x + a (x^2 - x).

    image (N, 3, H, W) in [0, 1], curve_map (N, 3, H, W) or (N, 3 x iterations, H, W) -> (N, 3, H, W) in [0, 1].
    """
    shared = curve_map.shape[1] == 3
    for n in range(iterations):
        a = curve_map if shared else curve_map[:, 3 * n : 3 * n + 3]
        image = image + a * (image * image - image)
    return image


class Enhancement(nn.Cell):
    """The whole enhancement at scale s: downsample, network, upsample, curve.

    (N, 3, H, W) in [0, 1] -> enhanced (N, 3, H, W) in [0, 1] and the curve map (N, C, H, W) that made it.
    """

    def __init__(self, network: CurveNetwork, scale: int, iterations: int = ITERATIONS) -> None:
        super().__init__(auto_prefix=False)  # keeps the parameter names of the network
        self.network = network
        self.scale = scale
        self.iterations = iterations

    def construct(self, image: Tensor) -> tuple[Tensor, Tensor]:
        height, width = image.shape[2:]
        if self.scale == 1:
            curve_map = self.network(image)
        else:
            low = (-(-height // self.scale), -(-width // self.scale))  # rounded up, never cropped
            small = ops.interpolate(image, size=low, mode="bilinear", align_corners=False)  # (N, 3, h, w)
            curve_map = self.network(small)  # (N, C, h, w)
            curve_map = ops.interpolate(curve_map, size=(height, width), mode="bilinear", align_corners=True)
        return apply_curve(image, curve_map, self.iterations), curve_map


def build_network(weights: Weights) -> CurveNetwork:
    """The network of the weights' architecture, with these weights."""
    network = CurveNetwork(architecture_of(weights.architecture))
    for parameter in network.get_parameters():
        parameter.set_data(Tensor(weights.arrays[parameter.name]))
    return network


def initial_weights(name: str, seed: int) -> Weights:
    """The published initial distributions of an architecture, drawn by NumPy; raises DceliteError for an unknown name.

    Zero-DCE: weights normal with deviation 0.02 (section 4 of its paper). Zero-DCE++: the published code leaves
    PyTorch's default, uniform in +-1/sqrt(inputs of a unit); with 0.02 the signal would fade over 14 convolutions.
    Biases are zero in both, so that the first maps are near zero and the first enhanced images are the inputs. A scene
    head begins as if it were not there: its last layer is zero.
    """
    architecture = architecture_of(name)
    random = np.random.default_rng(seed)
    arrays = {}
    for parameter, shape in architecture.parameter_shapes.items():
        if parameter.endswith("bias") or parameter == "scene_head.output.weight":
            values = np.zeros(shape)
        elif architecture.separable:
            bound = 1 / np.sqrt(np.prod(shape[1:]))
            values = random.uniform(-bound, bound, shape)
        else:
            values = random.normal(0, 0.02, shape)
        arrays[parameter] = values.astype(np.float32)
    return Weights(name, arrays)
