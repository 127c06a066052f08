using Halo.Api.Basics;
using Halo.Api.Errors;
using Halo.Api.Settings;
using Microsoft.Extensions.Configuration;

namespace Halo.Api.Tests.Settings;

/// <summary>A misspelt setting of the service is told at the start, wherever it stands.</summary>
public class KnownSettingsTests
{
    static IConfigurationRoot With(params (string Key, string Value)[] settings) =>
        new ConfigurationBuilder().AddInMemoryCollection(settings.Select(s => KeyValuePair.Create(s.Key, (string?)s.Value))).Build();

    static string Refusal(IConfiguration configuration) => Assert.Throws<StartupException>(() => ApiOptions.Read(configuration)).Message;

    [Theory]
    [InlineData("Halo:Enrollment", "Halo:Enrolment")]
    [InlineData("Halo:DataDir", "Halo:DataDirectory")]
    [InlineData("Halo:Limits:PageByte", "Halo:Limits:PageBytes")]
    [InlineData("Halo:Limts:PageBytes", "Halo:Limits:PageBytes")]
    [InlineData("Halo:PageBytes", "Halo:Limits:PageBytes")]
    [InlineData("Halo:ConnectionString", "Halo:Storage:ConnectionString")]
    [InlineData("Halo:Encryption:MasterKeys", "Halo:Encryption:MasterKey")]
    [InlineData("Halo:Telemetry:Oltp", "Halo:Telemetry:Otlp")]
    [InlineData("Halo:Links:PingAfter", "Halo:Links:PingAfterMs")]
    [InlineData("Halo:Results:RetentionHuors", "Halo:Results:RetentionHours")]
    [InlineData("Halo:Retention:LedgerDay", "Halo:Retention:LedgerDays")]
    [InlineData("Halo:Disk:MinFreeByte", "Halo:Disk:MinFreeBytes")]
    [InlineData("Hallo:Enrolment", "Halo:Enrolment")]
    public void A_misspelt_setting_is_refused_with_the_one_that_was_meant(string misspelt, string meant) =>
        Assert.Contains($"{misspelt} is no setting; did you mean {meant}?", Refusal(With((misspelt, "1"))), StringComparison.Ordinal);

    [Theory]
    [InlineData("Halo:Limits:Foo")]
    [InlineData("Halo:Foo:Bar")]
    [InlineData("Halo:Limits")]
    public void A_setting_that_resembles_none_is_refused_without_a_guess(string unknown)
    {
        var refusal = Refusal(With((unknown, "1")));

        Assert.Contains($"{unknown} is no setting.", refusal, StringComparison.Ordinal);
        Assert.DoesNotContain("did you mean", refusal, StringComparison.Ordinal);
    }

    [Fact]
    public void All_faults_are_told_at_once_misspelt_names_beside_wrong_values()
    {
        var refusal = Refusal(With(("Halo:Enrollment", "open"), ("Halo:Limits:PageBytes", "many"), ("Halo:Limits:Foo", "1"), ("Halo:Enrolment", "sometimes")));

        foreach (var fault in (string[])["Halo:Enrollment is no setting", "Halo:Limits:Foo is no setting", "Halo:Limits:PageBytes is \"many\"", "Halo:Enrolment is \"sometimes\""])
            Assert.Contains(fault, refusal, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_setting_that_the_documentation_lists_is_known()
    {
        var documented = File.ReadLines(Path.Combine(Halo.Testing.Repository.Root, "docs", "configuration.md"))
            .Where(l => l.StartsWith("| `Halo:", StringComparison.Ordinal))
            .SelectMany(l => NamesIn(l.Split('|')[1])).ToList();
        Assert.True(documented.Count > 40, $"{documented.Count} settings were found in docs/configuration.md.");

        // A value that is wrong for most of them: what matters is that none is called unknown.
        var refusal = Refusal(With([.. documented.Select(d => (d, "-1")), ("Halo:Limits:Foo", "1")]));

        Assert.Equal(["Halo:Limits:Foo"], refusal.Split('\n').Where(f => f.Contains("is no setting", StringComparison.Ordinal)).Select(f => f.Trim(' ', '-').Split(' ')[0]));
    }

    static IEnumerable<string> NamesIn(string cell)
    {
        var section = "";
        foreach (var name in cell.Split('`').Where((_, i) => i % 2 == 1))
        {
            var whole = name.StartsWith('…') ? section + name[1..] : name;
            section = whole[..whole.LastIndexOf(':')];
            yield return whole.Replace("{PMS}", "Zedmed", StringComparison.Ordinal);
        }
    }

    [Fact]
    public void What_is_right_is_taken_whatever_its_case_and_however_a_list_is_written()
    {
        var options = ApiOptions.Read(With(
            ("halo:limits:pagebytes", "4096"), ("Halo:SharedPractices:0", "0"), ("Halo:SharedPractices:1", "7"), ("Halo:TrustedProxies", "10.0.0.0/8"),
            ("Halo:TrustedProxies:0", "10.0.0.1"), ("Halo:Encryption:OldKeys:0", "AAAA"), ("Halo:MinimumVersions:Zedmed", "1.2"),
            ("Logging:LogLevel:Default", "None"), ("Kestrel:Endpoints:X:Url", "http://127.0.0.1:1"), ("AllowedHosts", "*"), ("HALO_KEY", "x"), ("Enrolment", "x")));

        Assert.Equal(4096, options.Limits.PageBytes);
        Assert.Equal(["0", "7"], options.SharedPractices);
        Assert.Equal(["AAAA"], options.Encryption.OldKeys);
    }

    [Theory]
    [InlineData("--Enrolment=open", "--Enrolment is no setting; did you mean --Halo:Enrolment?")]
    [InlineData("--url=http://127.0.0.1:1", "--url is no setting; did you mean --urls?")]
    [InlineData("--Halo:Enrollment=open", "Halo:Enrollment is no setting; did you mean Halo:Enrolment?")]
    [InlineData("--something=else", "--something is no setting.")]
    public void On_the_command_line_every_name_is_looked_at(string argument, string expected) =>
        Assert.Contains(expected, Refusal(new ConfigurationBuilder().AddCommandLine([argument]).Build()), StringComparison.Ordinal);

    [Fact]
    public void What_dotnet_takes_on_the_command_line_is_let_through() =>
        ApiOptions.Read(new ConfigurationBuilder().AddCommandLine(
            ["--urls=http://127.0.0.1:1", "--environment", "Production", "--Logging:LogLevel:Default=None", "--hostBuilder:reloadConfigOnChange=false"]).Build());
}
