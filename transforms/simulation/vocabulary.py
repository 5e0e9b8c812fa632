"""Words and codes of which the firms, places, regimes and units of a simulated world are made."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A city.

    Attributes:
        code: first four digits of its division code, and of the codes of its firms.
        name: without the word for city.
        province: name of its province, blank for the cities that are provinces.
        office: code of its customs office.
        area_code: of its telephones.
        eight_digits_since: year in which its telephone numbers went from seven digits to eight.
        zip_prefix: first three digits of its post codes.
        weight: share of the firms.
    """

    code: str
    name: str
    province: str
    office: str
    area_code: str
    eight_digits_since: int
    zip_prefix: str
    weight: int


@dataclass(frozen=True)
class Regime:
    """A trade regime: what it stands for, its label, its code, share of exports and of imports.

    The code has two digits as in the statistics or four as in customs supervision; the label is the same.
    """

    regime: str
    label: str
    code: str
    export_weight: float
    import_weight: float


@dataclass(frozen=True)
class Ownership:
    """A type of ownership: sixth character of the firm code, labels, share of the firms."""

    digit: str
    labels: tuple[str, str]
    weight: int


@dataclass(frozen=True)
class Unit:
    """A unit of quantity: its code, its labels, its customs code."""

    code: str
    labels: tuple[str, str]
    customs_code: str


_PLACES = """
4403 深圳 广东 5300 0755 1999 518 14|4419 东莞 广东 5200 0769 2005 523 9|4401 广州 广东 5100 020 1997 510 7
4406 佛山 广东 5100 0757 2001 528 4|4404 珠海 广东 5700 0756 2010 519 2|4420 中山 广东 5700 0760 2007 528 3
4413 惠州 广东 5300 0752 2010 516 2|4407 江门 广东 6800 0750 2010 529 1|3101 上海 - 2200 021 1995 200 13
1101 北京 - 0100 010 1996 100 5|1201 天津 - 0200 022 1998 300 4|3205 苏州 江苏 2300 0512 2002 215 7
3202 无锡 江苏 2300 0510 2005 214 3|3201 南京 江苏 2300 025 2003 210 3|3204 常州 江苏 2300 0519 2006 213 2
3206 南通 江苏 2300 0513 2006 226 2|3301 杭州 浙江 2900 0571 1999 310 5|3302 宁波 浙江 3100 0574 2001 315 5
3303 温州 浙江 2900 0577 2002 325 2|3304 嘉兴 浙江 2900 0573 2006 314 2|3306 绍兴 浙江 2900 0575 2004 312 3
3307 金华 浙江 2900 0579 2007 321 2|3501 福州 福建 3500 0591 2004 350 2|3502 厦门 福建 3700 0592 2010 361 3
3505 泉州 福建 3700 0595 2004 362 2|3702 青岛 山东 4200 0532 2004 266 4|3701 济南 山东 4200 0531 2003 250 1
3706 烟台 山东 4200 0535 2013 264 2|3710 威海 山东 4200 0631 2013 264 1|2102 大连 辽宁 0900 0411 2003 116 3
2101 沈阳 辽宁 0800 024 1997 110 1|2301 哈尔滨 黑龙江 1900 0451 2004 150 1|1301 石家庄 河北 0400 0311 2004 050 1
3401 合肥 安徽 3300 0551 2012 230 1|4101 郑州 河南 4600 0371 2004 450 1|4201 武汉 湖北 4700 027 1998 430 1
4301 长沙 湖南 4900 0731 2008 410 1|5101 成都 四川 7900 028 1999 610 1|5001 重庆 - 8000 023 1998 400 1
6101 西安 陕西 9000 029 2003 710 1|5301 昆明 云南 8600 0871 2012 650 1
"""


def _place(entry: str) -> Place:
    code, name, province, office, area_code, since, zip_prefix, weight = entry.split()
    return Place(code, name, province.strip("-"), office, area_code, int(since), zip_prefix, int(weight))


PLACES = tuple(_place(entry) for line in _PLACES.split("\n") for entry in line.split("|") if entry)
ZONES = (("9", 80), ("3", 8), ("2", 5), ("5", 3), ("4", 4))
OWNERSHIPS = (
    Ownership("1", ("国有企业", "国有"), 10),
    Ownership("2", ("中外合作企业", "中外合作企业"), 4),
    Ownership("3", ("中外合资企业", "中外合资企业"), 16),
    Ownership("4", ("外商独资企业", "外商独资企业"), 34),
    Ownership("5", ("集体企业", "集体"), 5),
    Ownership("6", ("私营企业", "私营"), 30),
    Ownership("7", ("个体工商户", "个体工商户"), 1),
)
REGIMES = (
    Regime("ordinary", "一般贸易", "10", 0.520, 0.450),
    Regime("processing_imported", "进料加工贸易", "15", 0.330, 0.290),
    Regime("processing_supplied", "来料加工装配贸易", "14", 0.095, 0.100),
    Regime("equipment", "外商投资企业作为投资进口的设备、物品", "25", 0.000, 0.050),
    Regime("equipment", "来料加工装配进口的设备", "20", 0.000, 0.015),
    Regime("bonded_logistics", "保税仓库进出境货物", "33", 0.010, 0.035),
    Regime("bonded_logistics", "保税区仓储转口货物", "34", 0.015, 0.035),
    Regime("border", "边境小额贸易", "19", 0.010, 0.010),
    Regime("lease", "租赁贸易", "23", 0.001, 0.004),
    Regime("other", "易货贸易", "30", 0.002, 0.002),
    Regime("other", "国家间、国际组织无偿援助和赠送的物资", "11", 0.002, 0.001),
    Regime("other", "对外承包工程出口货物", "22", 0.005, 0.000),
    Regime("other", "其他", "39", 0.010, 0.008),
    Regime("equipment", "出口加工区进口设备", "35", 0.000, 0.008),
    Regime("ordinary", "一般贸易", "0110", 0.012, 0.010),
    Regime("processing_supplied", "来料加工装配贸易", "0214", 0.006, 0.006),
    Regime("processing_imported", "进料加工贸易", "0615", 0.008, 0.008),
    Regime("lease", "租赁贸易", "1523", 0.001, 0.002),
)
TRANSPORTS = ("江海运输", "汽车运输", "航空运输", "铁路运输", "邮件运输")
KILOGRAM = Unit("kilogram", ("千克", "公斤"), "035")
PIECE = Unit("piece", ("件", "个"), "011")
SET = Unit("set", ("台", "台"), "001")
METRE = Unit("metre", ("米", "米"), "030")
PAIR = Unit("pair", ("双", "双"), "025")
SQUARE_METRE = Unit("square_metre", ("平方米", "平方米"), "032")
LITRE = Unit("litre", ("升", "升"), "095")
TONNE = Unit("tonne", ("吨", "吨"), "070")
WEIGHED = ("kilogram", "tonne", "litre")

# Characters of firms' names; 㐂 is one of those that take four bytes in GB18030.
SYLLABLES = tuple(
    "华兴达隆泰丰恒信鑫盛源通宏远瑞康利永昌顺金东方新海天龙凯嘉美德诚联合创亿万佳明立成春晖镕喆㐂"
    "伟业腾飞锦绣鸿运博雅启程卓越科诺威力森林川江峰岭玉石云帆星辰宇晨曦"
)
TRADES = tuple("电子 纺织 服装 机械 化工 塑胶 五金 家具 玩具 食品 鞋业 光电 制药 钢铁 仪器 包装 水产 陶瓷".split())
INTERMEDIARY_TRADES = tuple("进出口 贸易 外贸 外经 经贸 工贸 科贸 商贸 进出口贸易 物流 供应链 货运".split())
LEGAL_FORMS = tuple("有限公司 有限公司 有限公司 有限责任公司 股份有限公司 实业有限公司 公司 厂".split())
INTERMEDIARY_FORMS = tuple("有限公司 有限公司 公司 有限责任公司 集团公司".split())
# What a legal form becomes in a sloppy copy of a name.
SUFFIX_VARIANTS = {
    "有限责任公司": "有限公司",
    "股份有限公司": "股份公司",
    "实业有限公司": "实业公司",
    "有限公司": "公司",
}
TRADITIONAL = str.maketrans(
    "华兴达丰鑫盛远瑞东龙凯联创亿万业飞锦绣鸿运启诺云电纺织机械胶贸经厂司进门广苏无锡连阳宁",
    "華興達豐鑫盛遠瑞東龍凱聯創億萬業飛錦繡鴻運啟諾雲電紡織機械膠貿經廠司進門廣蘇無錫連陽寧",
)
FULL_WIDTH = str.maketrans({code: chr(code + 0xFEE0) for code in range(0x21, 0x7F)})
ENGLISH_NAMES = (
    "GOLDEN STAR ELECTRONICS CO., LTD",
    "SUNRISE TOYS (CHINA) CO., LTD",
    "PACIFIC PRECISION CO., LTD",
    "HARBOUR TEXTILES, INC.",
)
ROADS = tuple("人民路 中山路 建设路 解放路 工业大道 科技园路 开发区大街 港口路 东风路 长江路".split())
SURNAMES = tuple("王李张刘陈杨黄赵吴周徐孙马朱胡林郭何高罗")

# Which partners are large, and their shares of exports and imports in per cent; the rest follows with ever less.
LARGEST_PARTNERS = "USA HKG JPN KOR TWN DEU NLD SGP GBR MYS AUS ITA RUS IND THA FRA CAN BRA IDN ESP PHL ARE VNM".split()
EXPORT_SHARES = (20, 16, 10, 5, 2.5, 4.5, 3.5, 2.5, 2.5, 2, 1.8, 1.8, 1.8, 2, 1.3, 1.5, 1.2, 1, 1.2, 1.2, 1, 1.2, 1.5)
IMPORT_SHARES = (8, 2.5, 15, 10, 10, 5.5, 0.6, 2, 1, 3, 3.5, 1.2, 2.2, 1.6, 2.2, 1.4, 1.1, 2, 1.6, 0.4, 1.8, 0.8, 1)


def unit_of(product_code: str) -> Unit:
    """The unit in which a product (six digits) is counted: one per product, by chapter."""
    chapter = int(product_code[:2])
    by_heading = {"8532": PIECE, "8534": PIECE, "8541": PIECE, "8542": PIECE, "8473": KILOGRAM, "8708": KILOGRAM}
    if product_code[:4] in by_heading:
        return by_heading[product_code[:4]]
    by_chapter = {
        TONNE: {25, 26, 27},
        LITRE: {22},
        METRE: {50, 51, 52, 53, 54, 55, 58},
        PIECE: {1, 42, 61, 62, 65, 66, 82, 91, 95, 96, 97},
        PAIR: {64},
        SQUARE_METRE: {57, 69, 70},
        SET: {84, 85, 87, 88, 89, 90, 92, 94},
    }
    return next((unit for unit, chapters in by_chapter.items() if chapter in chapters), KILOGRAM)
