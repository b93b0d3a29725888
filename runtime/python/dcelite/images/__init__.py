"""Reading and writing photographs, with what their files say of them: formats, metadata, 8 and 16 bits."""

from dcelite.images.formats import FORMATS as FORMATS
from dcelite.images.formats import SUFFIXES as SUFFIXES
from dcelite.images.formats import VIDEO_SUFFIXES as VIDEO_SUFFIXES
from dcelite.images.formats import check_suffix as check_suffix
from dcelite.images.formats import is_image_path as is_image_path
from dcelite.images.formats import missing_support as missing_support
from dcelite.images.photograph import Photograph as Photograph
from dcelite.images.photograph import eight_bits as eight_bits
from dcelite.images.photograph import upright as upright
from dcelite.images.reading import read_photograph as read_photograph
from dcelite.images.reading import read_rgb8 as read_rgb8
from dcelite.images.writing import encode_photograph as encode_photograph
from dcelite.images.writing import write_photograph as write_photograph
