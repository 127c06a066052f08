using System.Globalization;
using System.Text.Json;
using Halo.Samples.Clinic;
using Halo.Samples.Demo;
using Microsoft.Data.Sqlite;
using Spectre.Console;

namespace Halo.SystemTests.Demo;

/// <summary>What the demonstration shows is right on every day and at every width.</summary>
public sealed class DemoTests : IDisposable
{
    static readonly string[] Columns = ["id", "starts_at", "minutes", "status", "patient", "date_of_birth", "practitioner", "reason", "note", "total"];

    readonly string _directory = Directory.CreateTempSubdirectory("halo-demo-").FullName;

    [Theory]
    [InlineData("2026-11-22")]
    [InlineData("2027-02-28")]
    [InlineData("2031-12-31")]
    public void The_coming_week_begins_on_the_day_of_the_demonstration(string day)
    {
        var today = DateOnly.Parse(day, CultureInfo.InvariantCulture);
        var path = Path.Combine(_directory, "clinic.db");
        ClinicBuilder.Build(path, today: today);
        var question = Questions.ComingWeek(today);

        using var connection = new SqliteConnection($"Data Source={path};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = question.Sql;
        foreach (var (name, _, value) in question.Parameters)
            command.Parameters.AddWithValue(name, value);
        using var reader = command.ExecuteReader();
        var first = new List<DateOnly>();
        while (reader.Read())
            first.Add(DateOnly.FromDateTime(DateTime.Parse(reader.GetString(reader.GetOrdinal("first")), CultureInfo.InvariantCulture)));

        Assert.NotEmpty(first);
        Assert.All(first, f => Assert.InRange(f, today, today.AddDays(6)));
    }

    [Theory]
    [InlineData(20)]
    [InlineData(40)]
    [InlineData(80)]
    [InlineData(100)]
    [InlineData(140)]
    [InlineData(200)]
    [InlineData(400)]
    public void A_table_fits_its_terminal_and_each_row_is_one_line(int width)
    {
        var rows = Enumerable.Range(0, 8).Select(i => JsonSerializer.SerializeToElement(Columns.ToDictionary(c => c, c => c switch
        {
            "note" => (object?)(i % 2 == 0 ? null : "日本語のメモ 😀😀 with\r\ntabs\tand lines, longer than any cell"),
            "patient" => "Zoë O'Connor-Nuñez de la Cruz",
            "starts_at" => "2026-11-22T14:30:00",
            _ => i * 100_000,
        }))).ToList();
        using var text = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, Out = new AnsiConsoleOutput(text) });
        console.Profile.Width = width;

        new Show(console).Rows(rows, rows.Count, 8);

        var lines = text.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);
        var table = lines.Where(l => l[0] is '|' or '+').ToList();
        Assert.Equal(8 + 4, table.Count);
        Assert.All(lines, l => Assert.True(TableFit.WidthOf(l) <= width, $"{TableFit.WidthOf(l)} cells of {width}: {l}"));
        if (width < 91)
            Assert.Contains("not shown", text.ToString(), StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);
}
