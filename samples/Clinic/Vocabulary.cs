namespace Halo.Samples.Clinic;

/// <summary>The words of the practice: several scripts, right-to-left, combining marks, characters beyond the basic plane, quotes, line breaks.</summary>
static class Vocabulary
{
    public static readonly string[] FirstNames =
    [
        "Amelia", "Noah", "Olivia", "Jack", "Isla", "Zoë", "François", "Søren", "Łukasz", "Ağca", "Nguyễn", "Joséphine", "Mary-Jane", "Dʼandre",
        "Ольга", "Дмитрий", "Γιώργος", "Ελένη", "יעל", "דוד", "محمد", "فاطمة", "美咲", "健太", "秀英", "伟", "민준", "서연", "अनन्या", "ਗੁਰਪ੍ਰੀਤ",
        "สมชาย", "𠮷郎", "Ioana", "Ruairí", "Jose\u0301", "Ka‘iulani", "Tupaia", "Yindi",
    ];

    public static readonly string[] LastNames =
    [
        "Smith", "Jones", "Nguyen", "Williams", "Brown", "O'Brien", "D'Angelo", "Müller-Lüdenscheidt", "Þórsdóttir", "Wiśniewski", "Østergård",
        "Иванова", "Кузнецов", "Παπαδόπουλος", "כהן", "الخطيب", "佐藤", "王", "김", "शर्मा", "ਸਿੰਘ", "ศรีสุวรรณ", "de la Cruz", "van 't Hoff",
        "Smith; DROP TABLE patients --", "\"Quoted\"", "Null", "True", "Ng", "Mac\tTab", "Straße",
    ];

    public static readonly string[] Titles = ["Mr", "Ms", "Mrs", "Mx", "Dr", "Prof"];

    public static readonly string[] Streets =
        ["Main Street", "High Street", "Queen's Parade", "Rue de l'Église", "Wharf Road", "Hauptstraße", "Kauri Crescent", "北大路"];

    public static readonly string[] Suburbs =
        ["Carlton", "Fitzroy North", "St Kilda", "Parramatta", "Mount Isa", "Launceston", "Fremantle", "Alice Springs"];

    public static readonly string[] Specialities =
        ["General practice", "General practice", "Paediatrics", "Dermatology", "Women's health", "Physiotherapy", "Nursing", "Psychology"];

    public static readonly string[] PastStatuses = ["completed", "completed", "completed", "cancelled", "didNotAttend"];

    public static readonly string[] Reasons =
    [
        "Annual check-up", "Flu vaccination", "Repeat prescription", "Cough, 2 weeks", "Back pain", "Skin check", "Results; call back",
        "Child's 6-week check", "\"Feels off\"", "Care plan review", "Wound dressing", "Mental health plan",
    ];

    public static readonly string[] Notes =
    [
        "Patient well.\nNo concerns raised.",
        "BP checked; advised to \"keep a diary\".\r\nReview in 4 weeks.",
        "Allergic to penicillin (rash).\n\tConfirmed by mother's report.",
        "Discussed diet, exercise & sleep.",
        "体調良好。次回は三ヶ月後。",
        "Говорит, что чувствует себя лучше.",
        "المريض بحالة جيدة.",
        "It's been a \\ of a week — says 'fine' 🙂",
        "",
        "Temp. 38.2 °C; SpO₂ 97 %; µg dose unchanged.",
    ];

    public static readonly string[] Allergies = ["Penicillin\nRash, 2009", "Latex; nuts", "Bee stings — carries \"EpiPen\"", "None known"];

    /// <summary>Code, name, unit, lowest and highest value in tenths.</summary>
    public static readonly (string Code, string Name, string? Unit, int Low, int High)[] Measures =
    [
        ("8302-2", "Body height", "cm", 480, 2050),
        ("29463-7", "Body weight", "kg", 25, 1600),
        ("8480-6", "Systolic blood pressure", "mm[Hg]", 900, 1900),
        ("8462-4", "Diastolic blood pressure", "mm[Hg]", 500, 1150),
        ("8867-4", "Heart rate", "/min", 450, 1400),
        ("4548-4", "Haemoglobin A1c", "%", 40, 121),
        ("72514-3", "Pain severity 0–10", "{score}", 0, 101),
        ("72166-2", "Tobacco smoking status", null, 0, 0),
    ];

    public static readonly string[] SmokingStatuses = ["Never smoked", "Former smoker", "Current, < 10 a day", "Unknown if ever smoked"];
}
