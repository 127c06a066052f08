namespace Halo.Testing.Tds;

/// <summary>Data types of [MS-TDS] 2.2.5.4 that SQL Server since 2008 sends and takes.</summary>
public enum TdsType : byte
{
    Null = 0x1F,
    Image = 0x22,
    Text = 0x23,
    Guid = 0x24,
    IntN = 0x26,
    Date = 0x28,
    Time = 0x29,
    DateTime2 = 0x2A,
    DateTimeOffset = 0x2B,
    Variant = 0x62,
    NText = 0x63,
    BitN = 0x68,
    DecimalN = 0x6A,
    NumericN = 0x6C,
    FloatN = 0x6D,
    MoneyN = 0x6E,
    DateTimeN = 0x6F,
    VarBinary = 0xA5,
    VarChar = 0xA7,
    Binary = 0xAD,
    Char = 0xAF,
    NVarChar = 0xE7,
    NChar = 0xEF,
    Udt = 0xF0,
    Xml = 0xF1,
    Table = 0xF3,
}

/// <summary>TYPE_INFO.</summary>
/// <param name="Type">The type's byte.</param>
/// <param name="Size">Bytes of the longest value; 0xFFFF for the (max) types.</param>
/// <param name="Precision">Of decimals.</param>
/// <param name="Scale">Of decimals and times.</param>
/// <param name="Name">Of a user-defined or table type: schema and name.</param>
public sealed record TdsTypeInfo(TdsType Type, int Size = 0, byte Precision = 0, byte Scale = 0, string? Name = null)
{
    /// <summary>Size of the (max) types.</summary>
    public const int Max = 0xFFFF;

    /// <summary>LCID 1033, version 0, sort id 52: SQL_Latin1_General_CP1_CI_AS, code page 1252.</summary>
    internal static ReadOnlySpan<byte> Collation => [0x09, 0x04, 0xD0, 0x00, 0x34];

    /// <summary>Whether values come in chunks (PLP).</summary>
    public bool IsChunked => Type is TdsType.Xml or TdsType.Udt || Size == Max && Type is TdsType.VarBinary or TdsType.VarChar or TdsType.NVarChar && Size == Max;

    internal bool HasCollation => Type is TdsType.VarChar or TdsType.Char or TdsType.NVarChar or TdsType.NChar or TdsType.Text or TdsType.NText;

    internal bool IsUnicode => Type is TdsType.NVarChar or TdsType.NChar or TdsType.NText or TdsType.Xml;
}

/// <summary>A column of a result set.</summary>
/// <param name="UserType">0x50 for rowversion.</param>
public sealed record TdsColumn(string Name, TdsTypeInfo Type, uint UserType = 0)
{
    public static TdsColumn Int(string name) => new(name, new(TdsType.IntN, 4));

    public static TdsColumn BigInt(string name) => new(name, new(TdsType.IntN, 8));

    public static TdsColumn NVarChar(string name, int characters = 4000) => new(name, new(TdsType.NVarChar, characters * 2));

    public static TdsColumn NVarCharMax(string name) => new(name, new(TdsType.NVarChar, TdsTypeInfo.Max));

    public static TdsColumn VarChar(string name, int size = 8000) => new(name, new(TdsType.VarChar, size));

    public static TdsColumn VarCharMax(string name) => new(name, new(TdsType.VarChar, TdsTypeInfo.Max));

    public static TdsColumn VarBinaryMax(string name) => new(name, new(TdsType.VarBinary, TdsTypeInfo.Max));

    public static TdsColumn Xml(string name) => new(name, new(TdsType.Xml));

    public static TdsColumn Decimal(string name, byte precision, byte scale) => new(name, new(TdsType.NumericN, 17, precision, scale));

    public static TdsColumn RowVersion(string name) => new(name, new(TdsType.Binary, 8), 0x50);

    public static TdsColumn Of(string name, TdsType type, int size = 0, byte scale = 0) => new(name, new(type, size, 0, scale));
}
