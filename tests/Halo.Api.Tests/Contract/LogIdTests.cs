using System.Text.RegularExpressions;
using Halo.Testing;

namespace Halo.Api.Tests.Contract;

/// <summary>Whoever filters logs by the id of a message finds that message alone.</summary>
public partial class LogIdTests
{
    [Fact]
    public void No_two_messages_of_the_programs_have_one_id()
    {
        var ids = Directory.EnumerateFiles(Path.Combine(Repository.Root, "src"), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal))
            .SelectMany(file => MessageId().Matches(File.ReadAllText(file)).Select(match => (Id: match.Groups[1].Value, File: Path.GetFileName(file))))
            .ToList();
        Assert.True(ids.Count > 50, $"Only {ids.Count} messages were found.");
        Assert.Empty(ids.GroupBy(i => i.Id).Where(g => g.Count() > 1).Select(g => $"{g.Key}: {string.Join(", ", g.Select(i => i.File))}"));
    }

    [GeneratedRegex(@"LoggerMessage\((?:EventId = )?(\d+)")]
    private static partial Regex MessageId();
}
