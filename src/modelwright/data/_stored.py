"""The files of the named data sets: where they lie below `$MODELWRIGHT_DATA`, checksums, and addresses.

An address is given only where the bytes (or what they unpack to) are known to be these; other files are put into
`$MODELWRIGHT_DATA` by hand.
"""

from __future__ import annotations

from dataclasses import dataclass

ARFF = (
    "https://raw.githubusercontent.com/renatopp/arff-datasets/c59f172882592bb58982cc54d2d3c8a2b57e9b73/classification/"
)


@dataclass(frozen=True)
class Stored:
    """One file. `content`: sha256 of what it unpacks to, for files that mirrors pack differently."""

    path: str
    sha256: str
    bytes: int
    content: str = ""
    url: str = ""


MNIST = (
    Stored(
        "vision/mnist/train-images-idx3-ubyte.gz",
        "71524e2cd1ad2968737f7f2f2ff69cbfc32df8ccddff51593f7cb2d4e0eb5b64",
        9630610,
        content="ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        url="https://ossci-datasets.s3.amazonaws.com/mnist/train-images-idx3-ubyte.gz",
    ),
    Stored(
        "vision/mnist/train-labels-idx1-ubyte.gz",
        "fe03b8bd7915f70bf5aa08be480aa413fbd85afcaa58b35d230d335f284fd88e",
        28878,
        content="65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        url="https://ossci-datasets.s3.amazonaws.com/mnist/train-labels-idx1-ubyte.gz",
    ),
    Stored(
        "vision/mnist/t10k-images-idx3-ubyte.gz",
        "5634745efa576a17e7d4cf5cd9d09123c75e6538e5114267c2d156edaf519341",
        1602050,
        content="0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        url="https://ossci-datasets.s3.amazonaws.com/mnist/t10k-images-idx3-ubyte.gz",
    ),
    Stored(
        "vision/mnist/t10k-labels-idx1-ubyte.gz",
        "ae18e77e031ccde52407f794d123116439864147d33ac992975f85dd4dc42af6",
        4517,
        content="ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        url="https://ossci-datasets.s3.amazonaws.com/mnist/t10k-labels-idx1-ubyte.gz",
    ),
)
CIFAR10 = (
    Stored(
        "vision/cifar10_jpeg/train.tar.xz",
        "5a8a513f05d4664af49c35a2f13589057be3c66fbba92ca28f18fe982058d60a",
        15469080,
    ),
    Stored(
        "vision/cifar10_jpeg/test.tar.xz",
        "7577d129a157e22c6b487736768809f4f514a5fb52dd54a3f8b1ce47b0813dda",
        3099708,
    ),
)
GTSRB = (
    Stored(
        "driving/gtsrb32/train.csv",
        "9588fb06de1cbfbc2f25cd150609c916194dd5c776aa400ca01436f935f3eeec",
        167157,
    ),
    Stored(
        "driving/gtsrb32/train.zip",
        "e8362bd3741b15d7153895cb7bc2e2901c1e14a91c9b9c6332abb3136f32d35f",
        8502971,
    ),
    Stored(
        "driving/gtsrb32/test.csv",
        "7b422ba62f2470592f4ffba31d90240189ace9e86a768938b093779494b373f1",
        58830,
    ),
    Stored(
        "driving/gtsrb32/test.zip",
        "0537c0181f9479e605d7f3e8fa476bb187179cf931ceee203b76b04b52808a0e",
        6777983,
    ),
)
ADULT = (
    Stored(
        "fintech/adult/adult-train.csv.gz",
        "fb9b6b419c38dd70d75d31f014b7f0905bf76e9625473c593455e31679a93184",
        409337,
    ),
    Stored(
        "fintech/adult/adult-test.csv.gz",
        "d16c978b95fe8ecec94dec57782a85ed9720c507d93a4608e8f182a8e6378d4a",
        205487,
    ),
)
SST2 = (
    Stored(
        "nlp/sst2/train.tsv.gz",
        "6bd7ceeeb9eac01b55c854be40e71bdf4c54849638217b8b4fc2408bf17843af",
        281427,
    ),
    Stored(
        "nlp/sst2/dev.tsv.gz",
        "190402b0a0144b832cd9bd994dc693cff2f6aee24c22a5437938fc3564d51d33",
        37268,
    ),
    Stored(
        "nlp/sst2/test.tsv.gz",
        "e33b978bf9561af553946a8e7f30f945c46ca74a0c1e44c7b5a4cfc17ce22db3",
        75216,
    ),
)
REVIEWS = (
    Stored(
        "nlp/review_polarity/review_polarity.tar.gz",
        "fc0dccc2671af5db3c5d8f81f77a1ebfec953ecdd422334062df61ede36b2179",
        3127238,
    ),
)
CLINC = (
    Stored(
        "nlp/clinc150/data_full.json.gz",
        "59969ccdb9192885f0ca3d475172ca845aa4a41ca0e2881782ba4c3bd37e7dbf",
        283591,
    ),
)
WAIMAI = (
    Stored(
        "nlp/waimai_10k/waimai_10k.csv.gz",
        "ce62b2806e2945c29f136b4ff6dc108718a00c27037eb744ebeec67bfd2c1d28",
        354135,
    ),
)
HOTELS = (
    Stored(
        "nlp/chnsenticorp_htl/ChnSentiCorp_htl_all.csv.gz",
        "b2da7ad1c5dc565718f617cef0237a4a14a5c159037fce5adee082c8ff6de5a1",
        1235762,
    ),
)
SHOPPING = (
    Stored(
        "nlp/online_shopping_10_cats/online_shopping_10_cats.zip",
        "6816ded66fde9d0927ecbd370b5e12d0174d1abac35192ec014ac2a0a8d25858",
        4084428,
    ),
)
PENDIGITS = (
    Stored(
        "tabular/pendigits/pendigits.arff.gz",
        "1ff8cdcb5fb035aa2fc2cd806c8edb4d9a74ce857fc0c3e07e258d30a81ad369",
        200206,
    ),
)
HOUSING = (
    Stored(
        "tabular/california_housing/housing.csv.gz",
        "b2e79251d5497489c09db2cb6b7771e5cb0b1065198c2611c4f2f3c63403d30c",
        395971,
    ),
)
TITANIC = (
    Stored(
        "tabular/titanic/titanic.csv",
        "4a437fde05fe5264e1701a7387ac6fb75393772ba38bb2c9c566405af5af4bd7",
        60302,
    ),
)
HEART = (
    Stored(
        "tabular/heart_cleveland/heart-c.arff",
        "e423f3346777c3b51f8b7448f88c75d27ae86ee83758f01a27af9ffa3cd7bcfb",
        36213,
        url=ARFF + "heart.c.arff",
    ),
)
RED_WINE = (
    Stored(
        "tabular/wine_quality/winequality-red.csv.gz",
        "0f354f4fb936a0a0e0b05f6af8f97ea0e4541dcc4efbb9b976c4e0569acf8c57",
        22508,
    ),
)
WHITE_WINE = (
    Stored(
        "tabular/wine_quality/winequality-white.csv.gz",
        "8c42973caa9641368001eb73af472aaa99e0f1072389c5e6c5b07ed9cdddf9b1",
        66565,
    ),
)
DIAMONDS = (
    Stored(
        "tabular/diamonds/diamonds.csv.gz",
        "6006ac0c2b9faf681f6cc4a6d8d92d78fa2117e7f8af38cf9d901ab8b9748c15",
        565492,
    ),
)
CREDIT_DEFAULT = (
    Stored(
        "fintech/credit_default/credit-card-clients.csv.gz",
        "88d6f17ff9eef9762a198f4dfb07d1b0b47734a8cf8c8d34fdbdca26c7ae2ac3",
        912457,
    ),
)
GERMAN = (
    Stored(
        "fintech/german_credit/german.csv.gz",
        "58804d9ae43946473625735ddd43204d4df94f15af829615690d5fb1b8d97c51",
        12728,
    ),
)
KR_VS_KP = (
    Stored(
        "games/kr_vs_kp/kr-vs-kp.arff.gz",
        "1b13e5a9a8dc9a8c291a070927e81b776d8d5588c99d2abb8751aff579b5ed19",
        15972,
    ),
)
TIC_TAC_TOE = (
    Stored(
        "games/tic_tac_toe/tic-tac-toe.arff.gz",
        "a6885d936215c9a5bdb6babe077771f7e9a367a5cffe40c1acc0176a43dea962",
        4886,
    ),
)
SHAKESPEARE = (
    Stored(
        "language_modelling/tinyshakespeare/input.txt.gz",
        "13125fe8f49092165d7d489e3944db52d1ba546e64a60080cc9523bcd0c5e46a",
        433884,
        content="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        url="https://raw.githubusercontent.com/karpathy/char-rnn/6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/data/tinyshakespeare/input.txt",
    ),
)
SONGCI = (
    Stored(
        "language_modelling/songci/ci_song_json.tar.xz",
        "414352cb6b31b7afce3c3466ed412fa4dccfbb227622594fd7eef6ada1ff333a",
        2257660,
    ),
)
MULTI30K = (
    Stored(
        "translation/multi30k/train.en.gz",
        "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f",
        568929,
    ),
    Stored(
        "translation/multi30k/train.de.gz",
        "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6",
        637044,
    ),
    Stored(
        "translation/multi30k/val.en.gz",
        "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28",
        21650,
    ),
    Stored(
        "translation/multi30k/val.de.gz",
        "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a",
        24681,
    ),
    Stored(
        "translation/multi30k/test_2016_flickr.en.gz",
        "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9",
        21077,
    ),
    Stored(
        "translation/multi30k/test_2016_flickr.de.gz",
        "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8",
        22890,
    ),
)
TATOEBA = (
    Stored(
        "translation/tatoeba_cmn_eng/cmn.txt.gz",
        "bbdcddc329b9b5442702adf507b87e4dac3754ad3d780c5f600f76ace14a5a78",
        1227888,
    ),
)
RESUME = (
    Stored(
        "nlp/resume_ner/train.char.bmes.gz",
        "bb92bec3a50c2f889d2dc6a332f4e3ffd49106dbb3f292a5c5dbee8f9ce39829",
        148912,
    ),
    Stored(
        "nlp/resume_ner/dev.char.bmes.gz",
        "546dd633762d70954af9b63509dcdebfd182a9cecb82a15a0d9391c0a722e2c1",
        17814,
    ),
    Stored(
        "nlp/resume_ner/test.char.bmes.gz",
        "7e3cf249441c0c30a9eb5a5520982a7ceff0c022bba51e33c119ccb108351844",
        18532,
    ),
)
