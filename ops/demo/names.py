"""Chinese names for invented people."""

from random import Random

SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董潘袁蔡蒋余"
    "于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆范汪廖石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫段雷龙"
)
COMPOUND_SURNAMES = ("欧阳", "上官", "司徒", "诸葛")
GIVEN = (
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉萍红建文利军海燕新梅兰凤洁琳素云"
    "宇浩然子轩梓涵欣怡佳晨思远雨桐嘉懿煜城懿轩烨伟苑博泽晓啸鹏飞志诚俊彦天佑睿渊博文昊焱"
)


def full_name(dice: Random) -> str:
    """A surname and one or two given characters; the same dice give the same names.

    >>> full_name(Random(1)) == full_name(Random(1))
    True
    """
    surname = dice.choice(COMPOUND_SURNAMES) if dice.randrange(60) == 0 else dice.choice(SURNAMES)
    given = "".join(dice.choice(GIVEN) for _ in range(1 if dice.randrange(4) == 0 else 2))
    return surname + given
