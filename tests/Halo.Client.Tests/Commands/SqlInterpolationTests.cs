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
    public void What_cannot_be_a_parameter_is_refused()
    {
        Assert.Throws<ArgumentException>(() => HaloCommand.Sql($"SELECT {1:N2}"));
        Assert.Throws<ArgumentException>(() => HaloCommand.Sql($"SELECT {1,5}"));
        Assert.Throws<ArgumentException>(() => HaloCommand.Sql($"SELECT 1 WHERE 1 IN ({Array.Empty<int>()})"));
        Assert.Throws<ArgumentException>(() => HaloCommand.Sql($"SELECT {new object()}"));
        Assert.Throws<ArgumentException>(() => HaloCommand.Sql($"SELECT {DateTime.SpecifyKind(default, DateTimeKind.Local)}"));
        Assert.Throws<ArgumentException>(() => HaloCommand.Sql($" "));
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
        { new DateTime(2026, 3, 5, 14, 30, 0, 120, DateTimeKind.Utc), SqlType.DateTime2, "2026-03-05T14:30:00.12" },
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
