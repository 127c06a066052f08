using System.Text;
using Halo.Link.Configuring;
using Halo.Link.Installing;
using Halo.Link.Settings;

namespace Halo.Link.Tests.Installing;

/// <summary>Properties of the MSI become the settings that <c>halo-link configure</c> would write.</summary>
public sealed class SetupPropertiesTests
{
    const string Practice = """
        {
          // Kept.
          "api": "https://halo.example",
          "sites": [
            { "engine": "sqlServer", "connectionString": "Server=.;Database=pms;User Id=halo;Password=old", "practiceManagementName": "Best Practice", "practiceManagementSiteId": "1" }
          ]
        }
        """;

    [Fact]
    public void Nothing_given_changes_nothing()
    {
        Assert.False(Parse("API=", "DBPASSWORD=", "PRODUCTCODE={1}").HasSettings);
        Assert.Equal(Practice, Apply(Practice, "API=", "POLICY=").Text);
    }

    [Fact]
    public void One_property_changes_one_setting_and_keeps_the_rest_of_the_text()
    {
        var changed = Apply(Practice, "UPDATEHOURS=22-5");
        Assert.Equal("22-5", (string?)changed.Settings["updates"]!["hours"]);
        Assert.Contains("// Kept.", changed.Text, StringComparison.Ordinal);
        Assert.Contains("Password=old", changed.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void One_part_of_a_connection_string_changes_and_the_others_stay() =>
        Assert.Equal("Data Source=.;Initial Catalog=pms;Integrated Security=False;User ID=halo;Password=\"a b;=c\"",
            (string?)Apply(Practice, "DBPASSWORD=a b;=c").Settings["sites"]![0]!["connectionString"]);

    [Theory]
    [InlineData("Host=db;Port=5433;Database=pms;Username=halo;Password=p", "DBENGINE=postgres", "DBSERVER=db:5433", "DBNAME=pms", "DBUSER=halo", "DBPASSWORD=p")]
    [InlineData(@"Data Source=.\PMS;Initial Catalog=pms;Integrated Security=True", "DBENGINE=SQLSERVER", @"DBSERVER=.\PMS", "DBNAME=pms")]
    [InlineData(@"Data Source=C:\pms\clinic.db", "DBENGINE=sqlite", @"DBNAME=C:\pms\clinic.db")]
    [InlineData("Host=whole", "DBENGINE=postgres", "DBCONNECTION=Host=whole")]
    public void A_database_may_be_told_in_parts_or_as_a_whole(string expected, params string[] properties) =>
        Assert.Equal(expected, (string?)Apply("{}", properties).Settings["sites"]![0]!["connectionString"]);

    [Fact]
    public void A_new_practice_may_only_be_read_unless_a_property_says_otherwise()
    {
        Assert.Equal("""{"modes":["reader","scalar"],"readOnly":true}""", Policy("DBENGINE=sqlite", "DBNAME=x.db"));
        Assert.Equal("""{"readOnly":false}""", Policy("DBENGINE=sqlite", "DBNAME=x.db", "POLICY=write"));
        Assert.Null(Apply(Practice, "PRACTICENAME=New").Settings["sites"]![0]!["policy"]);

        static string Policy(params string[] properties) => Apply("{}", properties).Settings["sites"]![0]!["policy"]!["default"]!.ToJsonString();
    }

    [Theory]
    [InlineData("POLICY", "POLICY=anything")]
    [InlineData("AUTOUPDATE", "AUTOUPDATE=yes")]
    [InlineData("CONFIGFILE", "CONFIGFILE=halo-link.json")]
    [InlineData("DBENGINE", "DBENGINE=oracle", "DBNAME=secret")]
    [InlineData("DBENGINE", "DBENGINE=sqlite", "DBNAME=x.db", "DBPASSWORD=secret")]
    [InlineData("DBCONNECTION", "DBENGINE=postgres", "DBCONNECTION=secret", "DBNAME=pms")]
    [InlineData("SECRETS", "SECRETS=secret")]
    public void What_cannot_be_used_is_named_and_not_repeated(string name, params string[] properties)
    {
        var fault = Assert.Single(Assert.Throws<SettingsException>(() => Apply("{}", properties)).Faults);
        Assert.StartsWith(name, fault.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("secret", fault.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_comes_first_and_properties_after_it()
    {
        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, """{ "api": "https://file.example", "lanes": { "async": 3 } }""");
            var changed = Apply(Practice, $"CONFIGFILE={file}", "API=https://property.example").Settings;
            Assert.Equal(("https://property.example", 3), ((string?)changed["api"], (int?)changed["lanes"]!["async"]));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void Blanks_around_a_password_belong_to_it_and_around_other_values_do_not()
    {
        Assert.Equal(" x ", Parse("SERVICEPASSWORD= x ")[SetupProperties.AccountPassword]);
        Assert.Equal(@"CLINIC\halo", Parse(@"SERVICEACCOUNT= CLINIC\halo ", "")[SetupProperties.Account]);
        Assert.Null(Parse("SERVICEPASSWORD=  ")[SetupProperties.AccountPassword]);
        Assert.Contains("Password=\" p \"", (string?)Apply(Practice, "DBPASSWORD= p ").Settings["sites"]![0]!["connectionString"], StringComparison.Ordinal);
    }

    static SetupProperties Parse(params string[] properties) =>
        SetupProperties.Parse("\"C:\\Program Files\\halo-link.exe\" setup apply " + string.Concat(properties.Select(p => SetupProperties.Separator + p)));

    static (System.Text.Json.Nodes.JsonObject Settings, string Text) Apply(string text, params string[] properties)
    {
        var document = SettingsDocument.Parse("test", Encoding.UTF8.GetBytes(text));
        Parse(properties).ApplyTo(document);
        return (document.Settings, Encoding.UTF8.GetString(document.Content));
    }
}
