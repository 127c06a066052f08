using System.Globalization;
using System.Numerics;
using System.Text.Json;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;

namespace Halo.Client.Commands;

/// <summary>.NET values as parameters: each as a string in invariant culture, with the type that the database is to take it for.</summary>
static class ParameterValues
{
    const string Moment = "yyyy-MM-dd'T'HH:mm:ss.FFFFFFF";

    public static CommandParameter Of(string name, object? value)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        var (text, type) = value is HaloParameter typed ? (Text(typed.Value).Text, typed.Type) : Text(value);
        return new(name)
        {
            Type = type,
            Value = text is null ? null : JsonSerializer.SerializeToElement(text, HaloJson.Default.String),
        };
    }

    static (string? Text, SqlType? Type) Text(object? value) => value switch
    {
        null or DBNull => (null, null),
        string text => (text, SqlType.NVarChar),
        char one => (one.ToString(), SqlType.NVarChar),
        bool bit => (bit ? "true" : "false", SqlType.Bit),
        Enum member => Text(Convert.ChangeType(member, Enum.GetUnderlyingType(member.GetType()), CultureInfo.InvariantCulture)),
        int number => (Invariant(number), SqlType.Int),
        long number => (Invariant(number), SqlType.BigInt),
        short number => (Invariant(number), SqlType.SmallInt),
        byte number => (Invariant(number), SqlType.TinyInt),
        sbyte number => (Invariant(number), SqlType.SmallInt),
        ushort number => (Invariant(number), SqlType.Int),
        uint number => (Invariant(number), SqlType.BigInt),
        ulong or Int128 or BigInteger or decimal => (Invariant((IFormattable)value), SqlType.Decimal),
        double number => (number.ToString("R", CultureInfo.InvariantCulture), SqlType.Float),
        float number => (number.ToString("R", CultureInfo.InvariantCulture), SqlType.Real),
        DateTime { Kind: DateTimeKind.Local } => throw new ArgumentException(
            "A DateTime of kind Local cannot be a parameter: the practice's zone may be another. Send the local time that the database holds with kind Unspecified, or a DateTimeOffset."),
        // A moment, as Npgsql takes it: without its zone a database would take it for one of the session's.
        DateTime { Kind: DateTimeKind.Utc } moment => (moment.ToString(Moment + "'+00:00'", CultureInfo.InvariantCulture), SqlType.DateTimeOffset),
        DateTime moment => (moment.ToString(Moment, CultureInfo.InvariantCulture), SqlType.DateTime2),
        DateTimeOffset moment => (moment.ToString(Moment + "zzz", CultureInfo.InvariantCulture), SqlType.DateTimeOffset),
        DateOnly date => (date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture), SqlType.Date),
        TimeOnly time => (time.ToString("HH:mm:ss.FFFFFFF", CultureInfo.InvariantCulture), SqlType.Time),
        TimeSpan { Days: 0, Ticks: >= 0 } time => (TimeOnly.FromTimeSpan(time).ToString("HH:mm:ss.FFFFFFF", CultureInfo.InvariantCulture), SqlType.Time),
        TimeSpan => throw new ArgumentException("A TimeSpan as a parameter is a time of day: from 0 to 24 hours."),
        Guid id => (id.ToString(), SqlType.UniqueIdentifier),
        byte[] bytes => (Convert.ToBase64String(bytes), SqlType.VarBinary),
        ReadOnlyMemory<byte> bytes => (Convert.ToBase64String(bytes.Span), SqlType.VarBinary),
        JsonElement json => (json.GetRawText(), SqlType.NVarChar),
        _ => throw new ArgumentException($"A value of type {value.GetType().Name} cannot be a parameter."),
    };

    static string Invariant(IFormattable number) => number.ToString(null, CultureInfo.InvariantCulture);
}
