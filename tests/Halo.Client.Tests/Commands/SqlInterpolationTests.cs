using System.Numerics;
using Halo.Contracts.Queries;

namespace Halo.Client.Tests.Commands;

/// <summary>What is interpolated is never text.</summary>
public sealed class SqlInterpolationTests
{
    [Fact]
    public void Each_value_becomes_a_parameter()
    {
        var name = "x'; DROP TABLE patients; --";
        var command = HaloCommand.Sql($"SELECT '{{}}' FROM patients WHERE id = {66} AND name = {name}");
        Assert.Equal("SELECT '{}' FROM patients WHERE id = @p0 AND name = @p1", command.CommandText);
        Assert.Equal([("@p0", SqlType.Int, "66"), ("@p1", SqlType.NVarChar, name)], Parameters(command));
    }

    [Fact]
    public void A_list_becomes_a_parameter_for_each_and_a_part_brings_its_own()
    {
        FormattableString part = $"AND city = {"Zürich"}";
        var command = HaloCommand.Sql($"SELECT * FROM p WHERE id IN ({new[] { 1L, 2L }}) {part} AND x = {null}");
        Assert.Equal("SELECT * FROM p WHERE id IN (@p0, @p1) AND city = @p2 AND x = @p3", command.CommandText);
        Assert.Equal([("@p0", SqlType.BigInt, "1"), ("@p1", SqlType.BigInt, "2"), ("@p2", SqlType.NVarChar, "Zürich"), ("@p3", null, null)], Parameters(command));
    }

    [Fact]
    public void Names_of_parameters_keep_away_from_those_of_the_text() =>
        Assert.Equal("SELECT @p0, @p_0", HaloCommand.Sql($"SELECT @p0, {1}").CommandText);

    [Fact]
    public void A_value_between_quotes_is_refused()
    {
        var name = "x";
        Assert.Throws<ArgumentException>(() => HaloCommand.Sql($"SELECT * FROM p WHERE name LIKE '%{name}%'"));
        Assert.Throws<ArgumentException>(() => HaloCommand.Sql($"SELECT * FROM \"{name}\""));
        Assert.Throws<ArgumentException>(() => HaloCommand.Sql($"SELECT [{name}] FROM p"));
        // Quotes of comments open nothing, and doubled ones close what they opened.
        Assert.Equal("SELECT 'it''s' -- don't\n, @p0 /* 'x */, @p1, a[@p2]", HaloCommand.Sql($"SELECT 'it''s' -- don't\n, {1} /* 'x */, {2}, a[{3}]").CommandText);
    }

    [Fact]
    public void Every_kind_of_quote_of_every_database_is_known()
    {
        var x = "x";
        Assert.Throws<ArgumentException>(() => HaloCommand.Sql($@"SELECT E'it\'s {x}'"));
        Assert.Throws<ArgumentException>(() => HaloCommand.Sql($@"SELECT e'a''b\' {x}'"));
        Assert.Throws<ArgumentException>(() => HaloCommand.Sql($"SELECT $$hello {x}$$"));
        Assert.Throws<ArgumentException>(() => HaloCommand.Sql($"SELECT $a$ $$ $b$ {x} $a$"));
        Assert.Throws<ArgumentException>(() => HaloCommand.Sql($"SELECT `{x}`"));
        Assert.Throws<ArgumentException>(() => HaloCommand.Sql($"SELECT /*/ ' */ '{x}'"));
        Assert.Throws<ArgumentException>(() => HaloCommand.Sql($"SELECT /* /* */ ' */ '{x}'"));
        Assert.Throws<ArgumentException>(() => HaloCommand.Sql($"SELECT a, [{x}] FROM p"));
        // A backslash is one of PostgreSQL's escapes behind E alone.
        Assert.Equal(@"SELECT 'C:\', @p0", HaloCommand.Sql($@"SELECT 'C:\', {x}").CommandText);
        Assert.Equal(@"SELECT nameE'\', @p0", HaloCommand.Sql($@"SELECT nameE'\', {x}").CommandText);
        Assert.Equal(@"SELECT E'\\', @p0", HaloCommand.Sql($@"SELECT E'\\', {x}").CommandText);
        Assert.Equal("SELECT $$'$$, $a$ $b$ $a$, @p0", HaloCommand.Sql($"SELECT $$'$$, $a$ $b$ $a$, {x}").CommandText);
        Assert.Equal("SELECT $1, a$b$c, @p0", HaloCommand.Sql($"SELECT $1, a$b$c, {x}").CommandText);
        Assert.Equal("SELECT /*/ ' */ @p0 /* /* ' */ ' */, @p1", HaloCommand.Sql($"SELECT /*/ ' */ {x} /* /* ' */ ' */, {x}").CommandText);
        Assert.Equal("SELECT ARRAY[[@p0],[@p1]], b[1], @p2", HaloCommand.Sql($"SELECT ARRAY[[{x}],[{x}]], b[1], {x}").CommandText);
    }

    [Fact]
    public void A_value_becomes_no_part_of_what_stands_beside_it()
    {
        Assert.Throws<ArgumentException>(() => HaloCommand.Sql($"SELECT {1}0"));
        Assert.Throws<ArgumentException>(() => HaloCommand.Sql($"SELECT {1}_a"));
        Assert.Throws<ArgumentException>(() => HaloCommand.Sql($"SELECT a{1}"));
        Assert.Throws<ArgumentException>(() => HaloCommand.Sql($"SELECT @{1}"));
        Assert.Throws<ArgumentException>(() => HaloCommand.Sql($"SELECT {1}{2}"));
        FormattableString part = $"{3}";
        Assert.Throws<ArgumentException>(() => HaloCommand.Sql($"SELECT {part}{2}"));
        Assert.Equal("SELECT @p0::int, @p1+@p2, @p3->'a', -@p4", HaloCommand.Sql($"SELECT {1}::int, {2}+{3}, {4}->'a', -{5}").CommandText);
    }

    [Fact]
    public void Names_keep_away_from_those_of_a_part_too()
    {
        FormattableString part = $"id = @p0";
        Assert.Equal("SELECT @p_0 WHERE id = @p0", HaloCommand.Sql($"SELECT {1} WHERE {part}").CommandText);
    }

    [Fact]
    public void What_cannot_be_a_parameter_is_refused()
    {
        Assert.Throws<ArgumentException>(() => HaloCommand.Sql($"SELECT {1:N2}"));
        Assert.Throws<ArgumentException>(() => HaloCommand.Sql($"SELECT {1,5}"));
        Assert.Throws<ArgumentException>(() => HaloCommand.Sql($"SELECT 1 WHERE 1 IN ({Array.Empty<int>()})"));
        Assert.Throws<ArgumentException>(() => HaloCommand.Sql($"SELECT {new object()}"));
        Assert.Throws<ArgumentException>(() => HaloCommand.Sql($"SELECT {DateTime.SpecifyKind(default, DateTimeKind.Local)}"));
        Assert.Throws<ArgumentException>(() => HaloCommand.Sql($" "));
        Assert.Throws<ArgumentException>(() => HaloCommand.Sql($"SELECT {new ArraySegment<byte>([1, 2])}"));
    }

    public static TheoryData<object, SqlType?, string> Values => new()
    {
        { true, SqlType.Bit, "true" },
        { 'x', SqlType.NVarChar, "x" },
        { (byte)7, SqlType.TinyInt, "7" },
        { (short)-7, SqlType.SmallInt, "-7" },
        { uint.MaxValue, SqlType.BigInt, "4294967295" },
        { ulong.MaxValue, SqlType.Decimal, "18446744073709551615" },
        { BigInteger.Pow(10, 37), SqlType.Decimal, "1" + new string('0', 37) },
        { 1.10m, SqlType.Decimal, "1.10" },
        { 0.1, SqlType.Float, "0.1" },
        { double.NaN, SqlType.Float, "NaN" },
        { 0.1f, SqlType.Real, "0.1" },
        { new DateOnly(2026, 3, 5), SqlType.Date, "2026-03-05" },
        { new DateTime(2026, 3, 5, 14, 30, 0, 120, DateTimeKind.Utc), SqlType.DateTimeOffset, "2026-03-05T14:30:00.12+00:00" },
        { new DateTime(2026, 3, 5, 14, 30, 0, 120), SqlType.DateTime2, "2026-03-05T14:30:00.12" },
        { new DateTimeOffset(2026, 3, 5, 14, 30, 0, TimeSpan.FromHours(11)), SqlType.DateTimeOffset, "2026-03-05T14:30:00+11:00" },
        { new TimeOnly(14, 30), SqlType.Time, "14:30:00" },
        { TimeSpan.FromHours(1.5), SqlType.Time, "01:30:00" },
        { Guid.Parse("6f9619ff-8b86-d011-b42d-00c04fc964ff"), SqlType.UniqueIdentifier, "6f9619ff-8b86-d011-b42d-00c04fc964ff" },
        { new byte[] { 1, 2, 255 }, SqlType.VarBinary, "AQL/" },
        { DayOfWeek.Friday, SqlType.Int, "5" },
        { new HaloParameter("<a/>", SqlType.Xml), SqlType.Xml, "<a/>" },
        { new HaloParameter(5, null), null, "5" },
    };

    [Theory]
    [MemberData(nameof(Values))]
    public void A_value_has_its_type_and_its_text(object value, SqlType? type, string text) =>
        Assert.Equal(("@p0", type, text), Parameters(HaloCommand.Sql($"SELECT {value}")).Single());

    static IEnumerable<(string, SqlType?, string?)> Parameters(HaloCommand command) => command.Command.Parameters!.Select(p => (p.Name, p.Type, p.Value?.GetString()));
}
