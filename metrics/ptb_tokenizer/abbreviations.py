"""The abbreviations that keep their period, as alternatives of regular expressions.

A word in `(?i:…)` counts in any case; a capital in front of it must be one, where the small word is common ("Miss.",
but "I miss."). The letters in brackets are as odd as the lexer: "Mfg." and "mfg." but not "MFG.".
"""

ACRONYM = (
    r"(?:(?i:Canada|Sino|Korean|EU|Japan|non)-(?i:U\.S)|(?i:U\.S\.-U\.S\.S\.R|U\.S\.-U\.K)|[A-Za-z](?:\.[A-Za-z])+)"
)
"""Letters with periods between them, without the last period."""

LETTERS = rf"(?:{ACRONYM}|[A-Za-z])"
"""An acronym, or an initial."""

_MONTHS = "Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec"
_DAYS = "Mon|Tue|Tues|Wed|Thu|Thurs|Fri"
_STATES = (
    "(?i:Ala|Ariz|Calif|Colo|Conn|Ct|Dak|Fla|Ga|Ind|Kans?|Ky|Md|Mich|Minn|Mo|Mont|Neb|Nev|Okla|Penn|Tenn|Va|Vt|Wisc?|"
    "Wyo)|A(?i:z|rk)|D(?i:el)|I(?i:ll)|L(?i:a)|M(?i:ass|iss)|O(?i:re)|P(?i:a)|T(?i:ex)|W(?i:ash)"
)
_COMPANIES = "Inc|Cos?|Corp|Ltd|Plc|Rt|Bancorp|Bhd|Assn|Univ|Intl|Sys"
_OTHERS = r"tel|est|ext|sq|Jr|Sr|Bros|(?:Ed|Ph)\.D|Blvd|Rd|Esq|etc|al|seq|Bldg"

MAY_END_A_SENTENCE = f"(?:(?i:{_MONTHS}|{_DAYS}|{_COMPANIES}|{_OTHERS})|{_STATES}|(?i:Pp?t)[ye](?i:s?))"

_TITLES = (
    "(?i:Mr|Mrs|Ms|Drs?|Profs?|Sens?|Reps?|Attys?|Lt|Col|Gen|Messrs|Govs?|Adm|Rev|Maj|Sgt|Cpl|Pvt|Capt|Ste?|Ave|Pres|"
    "Lieut|Hon|Brig|Co?mdr|Pfc|Spc|Supts?|Det|Mt|Ft|Adj|Adv|Asst|Assoc|Ens|Insp|Mlle|Mme|Msgr|Sfc)|M(?i:iss)"
)
_NAMES = r"(?i:vs|Alex|Wm|Jos|Cie|cf|TREAS|Ph|Invt|Elec|Natl|Dept)|(?i:M)[ft](?i:g)"

GOES_ON = f"(?:{_TITLES}|{_NAMES}|{LETTERS})"
"""What another word follows as a rule."""

BEFORE_A_NUMBER = "(?i:ca|figs?|prop|nos?|art|bldg|pp|op)"

OPENERS = (
    r"(?:A(?i:bout|ccording|dditionally|fter|n|s|t)?|B(?i:ut)|E(?i:arlier)|H(?i:ere|er|e|owever)|I(?i:f|n|t)|L(?i:ast)|"
    r"M(?i:any|ore|r\.|s\.)|N(?i:ow)|O(?i:nce|ne|ther|ur)|"
    r"S(?i:he|ince|ome|o|uch)|T(?i:hat|heir|hen|here|hese|hey|he|his)|W(?i:e|hen|hile|hat)|Y(?i:et|ou))"
)
"""With such a word a sentence begins, so that a letter and a period in front of it are a letter and a period."""
