using System.Buffers.Binary;
using System.Text;

namespace Halo.Testing.Tds;

/// <summary>Makes requests of messages ([MS-TDS] 2.2.6).</summary>
static class TdsRequestParser
{
    const ushort ExecuteSql = 10;

    static readonly Dictionary<ushort, string> Procedures = new()
    {
        [ExecuteSql] = "sp_executesql",
        [11] = "sp_prepare",
        [12] = "sp_execute",
        [13] = "sp_prepexec",
        [15] = "sp_unprepare",
    };

    public static TdsLogin ReadLogin(ReadOnlySpan<byte> message)
    {
        string Field(ReadOnlySpan<byte> bytes, int place) => Encoding.Unicode.GetString(FieldBytes(bytes, place));
        var password = FieldBytes(message, 44).ToArray();
        for (var i = 0; i < password.Length; i++)
        {
            var turned = password[i] ^ 0xA5;
            password[i] = (byte)(turned << 4 | turned >> 4);
        }
        return new(Field(message, 40), Encoding.Unicode.GetString(password), Field(message, 48), Field(message, 52), Field(message, 68),
            BinaryPrimitives.ReadInt32LittleEndian(message[8..]), (message[26] & 0x20) != 0);
    }

    static ReadOnlySpan<byte> FieldBytes(ReadOnlySpan<byte> message, int place) => message.Slice(
        BinaryPrimitives.ReadUInt16LittleEndian(message[place..]), BinaryPrimitives.ReadUInt16LittleEndian(message[(place + 2)..]) * 2);

    public static TdsRequest ReadBatch(TdsSession session, ReadOnlySpan<byte> message, bool resets)
    {
        var reader = new TdsMessageReader(message);
        reader.SkipHeaders();
        return new(session, reader.Rest(), null, [], resets);
    }

    public static TdsRequest ReadProcedure(TdsSession session, ReadOnlySpan<byte> message, bool resets)
    {
        var reader = new TdsMessageReader(message);
        reader.SkipHeaders();
        var length = reader.UShort();
        var procedure = length == 0xFFFF ? Procedures[reader.UShort()] : reader.Text(length);
        reader.UShort();
        var parameters = new List<TdsParameter>();
        while (!reader.AtEnd)
        {
            var name = reader.ShortText();
            var status = reader.Byte();
            var type = reader.TypeInfo();
            parameters.Add(new(name, type, reader.Value(type), (status & 1) != 0));
        }
        return procedure == Procedures[ExecuteSql]
            ? new(session, (string)parameters[0].Value!, procedure, parameters.Skip(2).ToList(), resets)
            : new(session, null, procedure, parameters, resets);
    }
}
