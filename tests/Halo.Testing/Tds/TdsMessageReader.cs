using System.Buffers.Binary;
using System.Text;

namespace Halo.Testing.Tds;

/// <summary>Reads the fields of one message, its packets already put together.</summary>
ref struct TdsMessageReader(ReadOnlySpan<byte> bytes)
{
    readonly ReadOnlySpan<byte> _bytes = bytes;
    int _at;

    public readonly bool AtEnd => _at >= _bytes.Length;

    public byte Byte() => _bytes[_at++];

    public ushort UShort() => BinaryPrimitives.ReadUInt16LittleEndian(Bytes(2));

    public int Int() => BinaryPrimitives.ReadInt32LittleEndian(Bytes(4));

    public long Long() => BinaryPrimitives.ReadInt64LittleEndian(Bytes(8));

    public ReadOnlySpan<byte> Bytes(int count)
    {
        var read = _bytes.Slice(_at, count);
        _at += count;
        return read;
    }

    public string Text(int characters) => Encoding.Unicode.GetString(Bytes(characters * 2));

    /// <summary>B_VARCHAR: its length in one byte.</summary>
    public string ShortText() => Text(Byte());

    /// <summary>The message's rest as text.</summary>
    public string Rest() => Encoding.Unicode.GetString(Bytes(_bytes.Length - _at));

    /// <summary>ALL_HEADERS, of which nothing is used.</summary>
    public void SkipHeaders() => Bytes(Int() - 4);

    public TdsTypeInfo TypeInfo()
    {
        var type = (TdsType)Byte();
        switch (type)
        {
            case TdsType.Null or TdsType.Date:
                return new(type);
            case TdsType.Guid or TdsType.IntN or TdsType.BitN or TdsType.FloatN or TdsType.MoneyN or TdsType.DateTimeN:
                return new(type, Byte());
            case TdsType.DecimalN or TdsType.NumericN:
                return new(type, Byte(), Byte(), Byte());
            case TdsType.Time or TdsType.DateTime2 or TdsType.DateTimeOffset:
                return new(type, Scale: Byte());
            case TdsType.VarBinary or TdsType.Binary:
                return new(type, UShort());
            case TdsType.VarChar or TdsType.Char or TdsType.NVarChar or TdsType.NChar:
                var size = UShort();
                Bytes(5);
                return new(type, size);
            case TdsType.Text or TdsType.NText:
                var length = Int();
                Bytes(5);
                return new(type, length);
            case TdsType.Image or TdsType.Variant:
                return new(type, Int());
            case TdsType.Xml:
                if (Byte() != 0)
                    throw new NotSupportedException("An xml schema.");
                return new(type);
            case TdsType.Udt:
                // As a parameter, without the length and the assembly that columns have.
                ShortText();
                return new(type, TdsTypeInfo.Max, Name: $"{ShortText()}.{ShortText()}".TrimStart('.'));
            case TdsType.Table:
                ShortText();
                return new(type, Name: $"{ShortText()}.{ShortText()}".TrimStart('.'));
            default:
                throw new NotSupportedException($"Type 0x{(byte)type:X2}.");
        }
    }

    public object? Value(TdsTypeInfo type)
    {
        switch (type.Type)
        {
            case TdsType.Null:
                return null;
            case TdsType.Table:
                return Table();
            case TdsType.Variant:
                return Variant();
            case TdsType.Text or TdsType.NText or TdsType.Image:
                // As a parameter, without the text pointer that columns have.
                return Int() is >= 0 and var length ? TdsValues.Decode(type, Bytes(length)) : null;
            case var _ when type.IsChunked:
                return Chunks() is { } chunks ? TdsValues.Decode(type, chunks) : null;
            case TdsType.VarBinary or TdsType.Binary or TdsType.VarChar or TdsType.Char or TdsType.NVarChar or TdsType.NChar:
                return UShort() is not 0xFFFF and var size ? TdsValues.Decode(type, Bytes(size)) : null;
            default:
                return Byte() is > 0 and var count ? TdsValues.Decode(type, Bytes(count)) : null;
        }
    }

    byte[]? Chunks()
    {
        if (Long() == -1)
            return null;
        var whole = new MemoryStream();
        while (Int() is > 0 and var length)
            whole.Write(Bytes(length));
        return whole.ToArray();
    }

    object? Variant()
    {
        var length = Int();
        if (length == 0)
            return null;
        var type = (TdsType)Byte();
        var properties = Bytes(Byte());
        var value = Bytes(length - 2 - properties.Length);
        var info = type switch
        {
            TdsType.DecimalN or TdsType.NumericN => new TdsTypeInfo(type, 17, properties[0], properties[1]),
            TdsType.Time or TdsType.DateTime2 or TdsType.DateTimeOffset => new(type, Scale: properties[0]),
            // The fixed types stand for themselves in a variant.
            (TdsType)0x30 or (TdsType)0x34 or (TdsType)0x38 or (TdsType)0x7F => new(TdsType.IntN, value.Length),
            (TdsType)0x32 => new(TdsType.BitN, 1),
            (TdsType)0x3B or (TdsType)0x3E => new(TdsType.FloatN, value.Length),
            (TdsType)0x3C or (TdsType)0x7A => new(TdsType.MoneyN, value.Length),
            (TdsType)0x3D or (TdsType)0x3A => new(TdsType.DateTimeN, value.Length),
            _ => new(type, value.Length),
        };
        return TdsValues.Decode(info, value);
    }

    List<object?[]>? Table()
    {
        var count = UShort();
        if (count == 0xFFFF)
        {
            Byte();
            return null;
        }
        var columns = new TdsTypeInfo[count];
        for (var i = 0; i < count; i++)
        {
            Bytes(6);
            columns[i] = TypeInfo();
            ShortText();
        }
        while (Byte() is not 0 and var optional)
            Bytes(UShort() * (optional == 0x10 ? 3 : 2));
        var rows = new List<object?[]>();
        while (Byte() == 1)
        {
            var row = new object?[count];
            for (var i = 0; i < count; i++)
                row[i] = Value(columns[i]);
            rows.Add(row);
        }
        return rows;
    }
}
