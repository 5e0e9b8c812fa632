"""Words and codes of which the firms, places, regimes and units of a simulated world are made."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A city: first four characters of its firms' codes, name, customs office, share of the firms."""

    code: str
    name: str
    office: str
    weight: int


@dataclass(frozen=True)
class Regime:
    """A trade regime: what it stands for, its label in 2003-2004, its code in 2007, share of exports and of imports."""

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
    """A unit of quantity: its code, its labels."""

    code: str
    labels: tuple[str, str]


_PLACES = """
4403 深圳 5300 14|4419 东莞 5200 9|4401 广州 5100 7|4406 佛山 5100 4|4404 珠海 5700 2|4420 中山 5700 3|4413 惠州 5300 2
4407 江门 6800 1|3101 上海 2200 13|1101 北京 0100 5|1201 天津 0200 4|3205 苏州 2300 7|3202 无锡 2300 3|3201 南京 2300 3
3204 常州 2300 2|3206 南通 2300 2|3301 杭州 2900 5|3302 宁波 3100 5|3303 温州 2900 2|3304 嘉兴 2900 2|3306 绍兴 2900 3
3307 金华 2900 2|3501 福州 3500 2|3502 厦门 3700 3|3505 泉州 3700 2|3702 青岛 4200 4|3701 济南 4200 1|3706 烟台 4200 2
3710 威海 4200 1|2102 大连 0900 3|2101 沈阳 0800 1|2301 哈尔滨 1900 1|1301 石家庄 0400 1|3401 合肥 3300 1
4101 郑州 4600 1|4201 武汉 4700 1|4301 长沙 4900 1|5101 成都 7900 1|5001 重庆 8000 1|6101 西安 9000 1|5301 昆明 8600 1
"""
PLACES = tuple(
    Place(code, name, office, int(weight))
    for code, name, office, weight in (
        entry.split() for line in _PLACES.split("\n") for entry in line.split("|") if entry
    )
)
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
)
KILOGRAM = Unit("kilogram", ("千克", "公斤"))
PIECE = Unit("piece", ("件", "个"))
SET = Unit("set", ("台", "台"))
METRE = Unit("metre", ("米", "米"))
PAIR = Unit("pair", ("双", "双"))
SQUARE_METRE = Unit("square_metre", ("平方米", "平方米"))
LITRE = Unit("litre", ("升", "升"))
TONNE = Unit("tonne", ("吨", "吨"))

# Characters of firms' names; 㐂 is one of those that take four bytes in GB18030.
SYLLABLES = tuple("华兴达隆泰丰恒信鑫盛源通宏远瑞康利永昌顺金东方新海天龙凯嘉美德诚联合创亿万佳明立成春晖镕喆㐂")
TRADES = tuple("电子 纺织 服装 机械 化工 塑胶 五金 家具 玩具 食品 鞋业 光电 制药 钢铁 仪器 包装 水产 陶瓷".split())
INTERMEDIARY_TRADES = tuple("进出口 贸易 外贸 经贸 工贸 进出口贸易".split())
LEGAL_FORMS = tuple("有限公司 有限公司 有限公司 有限责任公司 股份有限公司 实业有限公司 公司 厂".split())
INTERMEDIARY_FORMS = tuple("有限公司 有限公司 公司 有限责任公司 集团公司".split())
ENGLISH_NAMES = (
    "GOLDEN STAR ELECTRONICS CO., LTD",
    "SUNRISE TOYS (CHINA) CO., LTD",
    "PACIFIC PRECISION CO., LTD",
    "HARBOUR TEXTILES, INC.",
)
ROADS = tuple("人民路 中山路 建设路 解放路 工业大道 科技园路 开发区大街 港口路 东风路 长江路".split())

# Which partners are large; the others follow in the order of their codes.
LARGEST_PARTNERS = "USA HKG JPN KOR TWN DEU NLD SGP GBR MYS AUS ITA RUS IND THA FRA CAN BRA IDN ESP PHL ARE VNM".split()


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
