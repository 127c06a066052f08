using Halo.Link.Observability;
using Halo.Testing;

namespace Halo.Link.Tests.Observability;

public sealed class RotatingLogTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("halo-log-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_file_below_its_bound_goes_on_and_one_at_it_is_the_last_line_of_its_file()
    {
        using var log = new RotatingLog(_folder, TimeProvider.System) { MaxBytes = 20, MaxFiles = 3 };
        log.Write("123456789\n");
        log.Write("12345678\n");
        Assert.Equal(["halo-link.log"], Files());
        log.Write("\n");
        Assert.Equal(["halo-link.1.log"], Files());
        log.WriteLine("next");
        Assert.Equal("next" + Environment.NewLine, File.ReadAllText(Path.Combine(_folder, "halo-link.log")));
    }

    [Fact]
    public void No_more_files_are_kept_than_the_bound()
    {
        using var log = new RotatingLog(_folder, TimeProvider.System) { MaxBytes = 4, MaxFiles = 3 };
        for (var line = 1; line <= 6; line++)
            log.Write($"00{line}\n");
        log.Write("007");
        Assert.Equal(["halo-link.1.log", "halo-link.2.log", "halo-link.log"], Files());
        Assert.Equal("005\n", File.ReadAllText(Path.Combine(_folder, "halo-link.2.log")));
    }

    [Fact]
    public void A_file_is_removed_when_it_is_older_than_the_bound()
    {
        var time = new DateTimeOffset(2026, 11, 30, 12, 0, 0, TimeSpan.Zero);
        foreach (var (number, days) in ((int, int)[])[(1, 30), (2, 31)])
        {
            var file = Path.Combine(_folder, $"halo-link.{number}.log");
            File.WriteAllText(file, "old");
            File.SetLastWriteTimeUtc(file, time.AddDays(-days).UtcDateTime);
        }
        using var log = new RotatingLog(_folder, new ManualTime(time));
        Assert.Equal(["halo-link.1.log"], Files());
    }

    [Fact]
    public void A_disk_that_takes_nothing_costs_lines_and_no_more()
    {
        File.WriteAllText(Path.Combine(_folder, "file"), "");
        using var log = new RotatingLog(Path.Combine(_folder, "file"), TimeProvider.System);
        log.WriteLine("lost");
        Assert.Equal(["file"], Files());
    }

    IEnumerable<string?> Files() => Directory.GetFiles(_folder).Select(Path.GetFileName).Order(StringComparer.Ordinal);
}
