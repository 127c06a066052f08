using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Halo.Contracts.Queries;

namespace Halo.Link.Tests.Engines;

/// <summary>Any value there as a parameter and back as a row: the same.</summary>
public sealed class RoundTripTests(SharedPostgres postgres)
{
    const int Values = 40;

    /// <summary>Text of any plane; PostgreSQL alone cannot hold U+0000.</summary>
    static readonly Gen<string> Text = Gen.Choose(1, 0x10FFFF).Where(c => c is < 0xD800 or > 0xDFFF)
        .ArrayOf().Select(points => string.Concat(points.Select(char.ConvertFromUtf32)));

    static readonly Gen<string> Decimals =
        from negative in Gen.Elements("", "-")
        from whole in Gen.Choose(0, 9).ArrayOf(25)
        from fraction in Gen.Choose(0, 9).ArrayOf(20)
        select negative + BigInteger.Parse(string.Concat(whole), CultureInfo.InvariantCulture) + "." + string.Concat(fraction);

    static readonly Gen<long> Longs = from high in Gen.Choose(int.MinValue, int.MaxValue) from low in Gen.Choose(int.MinValue, int.MaxValue) select ((long)high << 32) ^ (uint)low;

    static readonly Gen<DateTime> Moments = Longs.Select(l => new DateTime((long)((ulong)l % (ulong)DateTime.MaxValue.Ticks) / 10 * 10));

    static readonly Gen<byte[]> Bytes = Gen.Choose(0, 255).ArrayOf().Select(a => a.Select(i => (byte)i).ToArray());

    [Fact]
    public async Task PostgreSQL_gives_back_what_it_was_given()
    {
        await using var bench = await postgres.NewAsync();
        await CheckAsync(bench, SqlType.NVarChar, Text, s => JsonSerializer.Serialize(s));
        await CheckAsync(bench, SqlType.BigInt, Longs.Select(l => l.ToString(CultureInfo.InvariantCulture)), s => s);
        await CheckAsync(bench, SqlType.VarBinary, Bytes.Select(Convert.ToBase64String), s => JsonSerializer.Serialize(s));
        await CheckAsync(bench, SqlType.DateTime2, Moments.Select(Iso), s => JsonSerializer.Serialize(s));
        await CheckAsync(bench, SqlType.DateTimeOffset, Moments.Where(m => m.Year is > 1 and < 9999).Select(m => Iso(m) + "+00:00"), s => JsonSerializer.Serialize(s));
        await CheckAsync(bench, SqlType.Date, Moments.Select(m => m.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)), s => JsonSerializer.Serialize(s));
        await bench.DoAsync("CREATE TABLE n (v numeric)");
        await CheckAsync(bench, SqlType.Decimal, Decimals, s => s.StartsWith("-0.0000000000000000000", StringComparison.Ordinal) ? s[1..] : s, "INSERT INTO n VALUES (@p) RETURNING v");
    }

    [Fact]
    public async Task SQLite_gives_back_what_it_was_given()
    {
        using var file = new SqliteFile();
        await using var bench = file.Open();
        await CheckAsync(bench, SqlType.NVarChar, Text, s => JsonSerializer.Serialize(s));
        await CheckAsync(bench, SqlType.BigInt, Longs.Select(l => l.ToString(CultureInfo.InvariantCulture)), s => s);
        await CheckAsync(bench, SqlType.VarBinary, Bytes.Select(Convert.ToBase64String), s => JsonSerializer.Serialize(s));
        await CheckAsync(bench, SqlType.Decimal, Decimals, s => JsonSerializer.Serialize(s));
        await bench.DoAsync("CREATE TABLE d (v DATETIME)");
        await CheckAsync(bench, SqlType.DateTime2, Moments.Select(Iso), s => JsonSerializer.Serialize(s), "INSERT INTO d VALUES (@p) RETURNING v");
    }

    static string Iso(DateTime moment) => moment.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF", CultureInfo.InvariantCulture);

    static async Task CheckAsync(EngineBench bench, SqlType type, Gen<string> values, Func<string, string> expected, string sql = "SELECT @p AS v")
    {
        foreach (var value in values.Sample(Values, 30))
        {
            using var back = JsonDocument.Parse(await bench.ValueAsync(sql, EngineBench.Parameter("@p", value, type)));
            using var wanted = JsonDocument.Parse(expected(value));
            if (wanted.RootElement.ValueKind == JsonValueKind.String)
                Assert.Equal(wanted.RootElement.GetString(), back.RootElement.ToString());
            else
                Assert.Equal(wanted.RootElement.GetRawText(), back.RootElement.GetRawText());
        }
    }
}
