using System.Numerics;
using System.Text;
using System.Text.Json;
using Halo.Client.Rows;

namespace Halo.Client.Tests.Rows;

/// <summary>Each value comes whole into the type that was asked for, or not at all.</summary>
public sealed class RowMapperTests
{
    enum Sex
    {
        Unknown,
        Female,
        Male,
    }

    sealed record Patient(long Id, string LastName, DateOnly? DateOfBirth, decimal Balance = 7.5m, int Rank = default)
    {
        public string? Note { get; init; }
    }

    sealed class Settable
    {
        public required string Name { get; set; }

        public int? Age { get; set; }

        public Sex Sex { get; set; }

        public string Untouched { get; set; } = "as it was";
    }

    struct Pair
    {
        public int A { get; set; }

        public string? B { get; set; }
    }

    [Fact]
    public async Task A_record_takes_columns_by_name_without_case_and_underscores()
    {
        var patient = await OneAsync<Patient>("""[{"ID":9007199254740993,"last_name":"O\u0027Connor \"Zoë\"","date_of_birth":"1969-06-08","note":"n","other":1}]""");
        Assert.Equal(new Patient(9007199254740993, "O'Connor \"Zoë\"", new(1969, 6, 8)) { Note = "n" }, patient);
    }

    [Fact]
    public async Task A_class_has_its_properties_set()
    {
        var made = await OneAsync<Settable>("""[{"name":"x","age":null,"sex":"female"}]""");
        Assert.Equal(("x", null, Sex.Female, "as it was"), (made.Name, made.Age, made.Sex, made.Untouched));
        Assert.Equal(Sex.Male, (await OneAsync<Settable>("""[{"name":"x","sex":2}]""")).Sex);
    }

    [Fact]
    public async Task A_struct_and_a_tuple_are_filled()
    {
        var pair = await OneAsync<Pair>("""[{"a":1,"b":"x"}]""");
        Assert.Equal((1, "x"), (pair.A, pair.B));
        Assert.Equal((1, "x", null), await OneAsync<(int Id, string Name, double? Age)>("""[{"any":1,"other":"x","third":null}]"""));
        Assert.Equal(Tuple.Create(1, true), await OneAsync<Tuple<int, bool>>("""[{"a":1,"b":true}]"""));
    }

    [Fact]
    public async Task Without_compiled_code_the_objects_are_the_same()
    {
        const string Json = """[{"id":1,"last_name":"x","date_of_birth":null,"note":"n"}]""";
        await using var reader = await AtFirstAsync(Json);
        Assert.Equal(await OneAsync<Patient>(Json), ObjectMap.Of(typeof(Patient), reader.Row.Names).Reflected<Patient>()(reader.Row));
        await using var pair = await AtFirstAsync("""[{"a":1,"b":"x"}]""");
        Assert.Equal(1, ObjectMap.Of(typeof(Pair), pair.Row.Names).Reflected<Pair>()(pair.Row).A);
    }

    [Fact]
    public async Task Dictionaries_and_json_take_whole_rows()
    {
        const string Json = """[{"a":1,"b":"x","c":null,"d":1.10,"e":true,"f":1e300}]""";
        Assert.Equal(new Dictionary<string, object?> { ["a"] = 1L, ["b"] = "x", ["c"] = null, ["d"] = 1.10m, ["e"] = true, ["f"] = 1e300 },
            await OneAsync<Dictionary<string, object?>>(Json));
        Assert.Equal("1.10", (await OneAsync<IReadOnlyDictionary<string, string?>>(Json))["d"]);
        Assert.Equal("1e300", (await OneAsync<Dictionary<string, JsonElement>>(Json))["f"].GetRawText());
        Assert.Equal(Json[1..^1], (await OneAsync<JsonElement>(Json)).GetRawText());
    }

    [Fact]
    public async Task Every_simple_type_comes_whole()
    {
        Assert.Equal(long.MinValue, await ValueAsync<long>("-9223372036854775808"));
        Assert.Equal(ulong.MaxValue, await ValueAsync<ulong>("18446744073709551615"));
        Assert.Equal(BigInteger.Pow(10, 37), await ValueAsync<BigInteger>("1" + new string('0', 37)));
        Assert.Equal(79228162514264337593543950335m, await ValueAsync<decimal>("79228162514264337593543950335"));
        Assert.Equal(0.1234567890123456789012345678m, await ValueAsync<decimal>("0.12345678901234567890123456780000"));
        Assert.Equal("12345678901234567890123456789012345.678", await ValueAsync<string>("12345678901234567890123456789012345.678"));
        Assert.Equal(5e-324, await ValueAsync<double>("5e-324"));
        Assert.Equal(double.NaN, await ValueAsync<double>("\"NaN\""));
        Assert.Equal(float.NegativeInfinity, await ValueAsync<float>("\"-Infinity\""));
        Assert.Equal(new DateTime(2026, 3, 5, 14, 30, 0, 123).AddTicks(4567), await ValueAsync<DateTime>("\"2026-03-05T14:30:00.1234567\""));
        Assert.Equal(DateTimeKind.Utc, (await ValueAsync<DateTime>("\"2026-03-05T03:30:00+00:00\"")).Kind);
        Assert.Equal(new DateTimeOffset(2026, 3, 5, 14, 30, 0, TimeSpan.FromHours(11)), await ValueAsync<DateTimeOffset>("\"2026-03-05T14:30:00+11:00\""));
        Assert.Equal(TimeSpan.FromMinutes(-210), (await ValueAsync<DateTimeOffset>("\"2026-03-05T14:30:00-03:30\"")).Offset);
        Assert.Equal(new DateOnly(2024, 2, 29), await ValueAsync<DateOnly>("\"2024-02-29\""));
        Assert.Equal(new TimeOnly(14, 30, 0, 123), await ValueAsync<TimeOnly>("\"14:30:00.1230000\""));
        Assert.Equal(TimeSpan.FromDays(1), await ValueAsync<TimeSpan>("\"24:00:00\""));
        Assert.Equal(Guid.Parse("6f9619ff-8b86-d011-b42d-00c04fc964ff"), await ValueAsync<Guid>("\"6f9619ff-8b86-d011-b42d-00c04fc964ff\""));
        Assert.Equal(new byte[] { 0xde, 0xad, 0xbe, 0xef, 0xff }, await ValueAsync<byte[]>("\"3q2+7\\/8=\""));
        Assert.Equal(Array.Empty<byte>(), await ValueAsync<byte[]>("\"\""));
        Assert.True(await ValueAsync<bool>("1"));
        Assert.Null(await ValueAsync<int?>("null"));
        Assert.Equal('ü', await ValueAsync<char>("\"ü\""));
        Assert.Equal(JsonValueKind.Null, (await ValueAsync<JsonElement>("null")).GetProperty("v").ValueKind);
    }

    [Theory]
    [InlineData("12345678901234567890123456789012345.678")]
    [InlineData("0.12345678901234567890123456789")]
    [InlineData("1e-40")]
    public async Task A_decimal_that_would_be_rounded_is_an_error(string number)
    {
        var error = await Assert.ThrowsAsync<HaloMappingException>(() => ValueAsync<decimal>(number));
        Assert.Contains("more digits", error.Message, StringComparison.Ordinal);
        if (!number.Contains('e', StringComparison.Ordinal))
            await Assert.ThrowsAsync<HaloMappingException>(() => OneAsync<Dictionary<string, object?>>($$"""[{"v":{{number}}}]"""));
    }

    [Fact]
    public async Task What_a_type_does_not_hold_is_an_error_that_names_the_column_and_not_the_value()
    {
        await RefusesAsync<int>("2147483648");
        await RefusesAsync<int>("1.5");
        await RefusesAsync<int>("null");
        await RefusesAsync<byte>("-1");
        await RefusesAsync<bool>("2");
        await RefusesAsync<double>("1e400");
        await RefusesAsync<DateOnly>("\"0044-03-15 BC\"");
        await RefusesAsync<DateOnly>("\"2026-02-30\"");
        await RefusesAsync<DateOnly>("\"2026-03-05T00:00:01\"");
        await RefusesAsync<DateTime>("\"infinity\"");
        await RefusesAsync<DateTime>("\"2026-03-05T14:30:00+11:00\"");
        await RefusesAsync<DateTime>("\"2026-03-05T14:30:00.12345678\"");
        await RefusesAsync<DateTimeOffset>("\"2026-03-05T14:30:00\"");
        await RefusesAsync<TimeOnly>("\"24:00:00\"");
        await RefusesAsync<Guid>("\"6f9619ff\"");
        await RefusesAsync<byte[]>("\"no base64 §\"");
        await RefusesAsync<char>("\"ab\"");
        await RefusesAsync<Sex>("\"divers\"");
    }

    [Fact]
    public async Task A_type_that_does_not_fit_the_columns_is_an_error_that_says_why()
    {
        Assert.Contains("none for LastName", (await Assert.ThrowsAsync<HaloMappingException>(() => OneAsync<Patient>("""[{"id":1}]"""))).Message, StringComparison.Ordinal);
        Assert.Contains("Name, which is required", (await Assert.ThrowsAsync<HaloMappingException>(() => OneAsync<Settable>("""[{"age":1}]"""))).Message, StringComparison.Ordinal);
        Assert.Contains("2 columns", (await Assert.ThrowsAsync<HaloMappingException>(() => OneAsync<int>("""[{"a":1,"b":2}]"""))).Message, StringComparison.Ordinal);
        Assert.Contains("3 values", (await Assert.ThrowsAsync<HaloMappingException>(() => OneAsync<(int, int, int)>("""[{"a":1,"b":2}]"""))).Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<HaloMappingException>(() => OneAsync<int[]>("""[{"a":1}]"""));
        await Assert.ThrowsAsync<HaloMappingException>(() => OneAsync<IDisposable>("""[{"a":1}]"""));
    }

    [Fact]
    public async Task Rows_of_plain_values_allocate_nothing_but_themselves()
    {
        const int Rows = 10_000;
        var json = JsonSerializer.SerializeToUtf8Bytes(Enumerable.Range(0, Rows).Select(i => new { id = i, amount = i * 0.25, active = i % 2 == 0, at = "2026-03-05T14:30:00" }));
        // The first time makes the code.
        await SumAsync();
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal(Rows / 2 * (Rows - 1L), await SumAsync());
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, Rows);

        async Task<long> SumAsync()
        {
            var sum = 0L;
            await using var reader = new RowReader(new MemoryStream(json));
            Func<Row, (long Id, double, bool?, DateTime)>? map = null;
            while (await reader.ReadAsync(default))
                sum += (map ??= RowMapper.For<(long, double, bool?, DateTime)>(reader.Row.Names))(reader.Row).Item1;
            return sum;
        }
    }

    static async Task RefusesAsync<T>(string json)
    {
        var error = await Assert.ThrowsAsync<HaloMappingException>(() => ValueAsync<T>(json));
        Assert.Equal(("v", 1L), (error.Column, error.Row));
        if (json.Trim('"') is { Length: > 2 } value && value != "null")
            Assert.DoesNotContain(value, error.Message, StringComparison.Ordinal);
    }

    static Task<T> ValueAsync<T>(string json) => OneAsync<T>($$"""[{"v":{{json}}}]""");

    static async Task<T> OneAsync<T>(string json)
    {
        await using var reader = await AtFirstAsync(json);
        return RowMapper.For<T>(reader.Row.Names)(reader.Row);
    }

    static async Task<RowReader> AtFirstAsync(string json)
    {
        var reader = new RowReader(new MemoryStream(Encoding.UTF8.GetBytes(json)));
        Assert.True(await reader.ReadAsync(default));
        return reader;
    }
}
