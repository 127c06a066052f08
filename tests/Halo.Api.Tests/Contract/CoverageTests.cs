using System.Text.RegularExpressions;
using Halo.Api.Ledger.Records;
using Halo.Api.Results.Formats;
using Halo.Contracts.Errors;
using Halo.LinkProtocol.Frames;
using Halo.Testing;

namespace Halo.Api.Tests.Contract;

/// <summary>The pages about the contract name what is there.</summary>
public partial class CoverageTests
{
    static List<string> Sources() => [.. Directory.EnumerateFiles(Path.Combine(Repository.Root, "tests"), "*.cs", SearchOption.AllDirectories)
        .Where(f => !f.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal)).Select(File.ReadAllText)];

    static string Page(string name) => File.ReadAllText(Path.Combine(Repository.Root, "docs", name));

    [Fact]
    public void Every_test_that_the_table_of_rules_names_is_there()
    {
        var sources = Sources();
        var named = TestName().Matches(Page("contract-coverage.md")).Select(m => (Class: m.Groups[1].Value, Method: m.Groups[2].Value)).Distinct().ToList();
        Assert.True(named.Count > 80, $"Only {named.Count} tests are named.");
        var missing = named.Where(n => !sources.Any(s =>
            Regex.IsMatch(s, $@"\bclass {n.Class}\b") && Regex.IsMatch(s, $@"\b{n.Method}\("))).Select(n => $"{n.Class}.{n.Method}").ToList();
        Assert.True(missing.Count == 0, $"docs/contract-coverage.md names tests that do not exist: {string.Join(", ", missing)}");
    }

    [Fact]
    public void Every_test_that_the_page_of_promises_names_is_there()
    {
        var sources = Sources();
        var page = Page("reliability.md");
        var missing = TestClass().Matches(page).Select(m => m.Groups[1].Value).Distinct().Where(c => !sources.Any(s => Regex.IsMatch(s, $@"\bclass {c}\b")))
            .Concat(TestMethod().Matches(page).Select(m => m.Groups[1].Value).Distinct().Where(m => !sources.Any(s => Regex.IsMatch(s, $@"\b{m}\(")))).ToList();
        Assert.True(missing.Count == 0, $"docs/reliability.md names tests that do not exist: {string.Join(", ", missing)}");
    }

    [Fact]
    public void Every_rule_of_the_table_has_a_test()
    {
        var bare = Page("contract-coverage.md").ReplaceLineEndings("\n").Split('\n')
            .Where(l => l.StartsWith("| ", StringComparison.Ordinal) && !l.StartsWith("| rule", StringComparison.Ordinal) && !l.StartsWith("| ---", StringComparison.Ordinal))
            .Where(l => !TestName().IsMatch(l)).ToList();
        Assert.True(bare.Count == 0, string.Join('\n', bare));
    }

    [Fact]
    public void Every_code_of_the_closed_lists_is_explained_to_integrators()
    {
        var page = Page("http-api.md");
        var codes = new[] { typeof(ErrorCodes), typeof(FailureCodes) }.SelectMany(t => t.GetFields()).Select(f => (string)f.GetValue(null)!);
        Assert.All(codes, c => Assert.Contains($"| `{c}` |", page, StringComparison.Ordinal));
    }

    [Fact]
    public void Every_test_that_the_promises_name_is_there()
    {
        var sources = string.Join('\n', Directory.EnumerateFiles(Path.Combine(Repository.Root, "tests"), "*Tests.cs", SearchOption.AllDirectories).Select(File.ReadAllText));
        var named = PromisedTest().Matches(Page("reliability.md")).SelectMany(m => new[] { $"class {m.Groups[1].Value}", m.Groups[2].Value }).Where(n => n != "").Distinct().ToList();
        Assert.True(named.Count > 60, $"Only {named.Count} tests are named.");
        Assert.All(named, n => Assert.Matches($@"\b{n}\b", sources));
    }

    [Fact]
    public void Every_path_of_a_test_that_the_page_of_promises_gives_leads_to_it()
    {
        var paths = TestPath().Matches(Page("reliability.md")).Select(m => m.Groups[1].Value).Distinct().ToList();
        Assert.True(paths.Count > 60, $"Only {paths.Count} paths are given.");
        var wrong = paths.Where(p => !File.Exists(Path.Combine(Repository.Root, "tests", p + ".cs"))).ToList();
        Assert.True(wrong.Count == 0, $"docs/reliability.md gives paths that lead nowhere: {string.Join(", ", wrong)}");
    }

    [GeneratedRegex("`(Halo\\.[A-Za-z.]+(?:/[A-Za-z]+)+Tests)")]
    private static partial Regex TestPath();

    [Fact]
    public void The_diagram_of_the_lifecycle_shows_every_move_and_no_other() => Assert.Equal(
        QueryLifecycle.Moves.Select(m => $"{QueryLifecycle.Word(m.From)} --> {QueryLifecycle.Word(m.To)}").Distinct().Order(),
        DrawnMove().Matches(Page("architecture.md")).Select(m => m.Value).Order());

    [Fact]
    public void The_page_of_the_protocol_numbers_every_kind_of_frame_as_it_is() => Assert.Equal(
        Enum.GetValues<FrameKind>().Select(k => $"| `0x{(int)k:X2}` | {k} |").Order(),
        NumberedKind().Matches(Page("protocol.md")).Select(m => m.Value).Order());

    [GeneratedRegex("([A-Z][A-Za-z]+Tests)(?:\\.([A-Z][A-Za-z0-9]*_[A-Za-z0-9_]+))?`")]
    private static partial Regex PromisedTest();

    [GeneratedRegex("(?<=\\n    )[a-z][A-Za-z]+ --> [a-z][A-Za-z]+")]
    private static partial Regex DrawnMove();

    [GeneratedRegex("\\| `0x[0-9A-F]{2}` \\| [A-Za-z]+ \\|")]
    private static partial Regex NumberedKind();

    [GeneratedRegex("`([A-Z][A-Za-z]+)\\.([A-Z][A-Za-z0-9]*_[A-Za-z0-9_]+)`")]
    private static partial Regex TestName();

    [GeneratedRegex(@"\b([A-Z][A-Za-z0-9]+Tests)\b(?!/)")]
    private static partial Regex TestClass();

    [GeneratedRegex(@"[.`]([A-Z][a-z]*_[A-Za-z0-9_]+)`")]
    private static partial Regex TestMethod();
}
