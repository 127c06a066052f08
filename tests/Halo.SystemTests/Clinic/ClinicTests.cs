using System.Security.Cryptography;
using System.Text;
using Halo.Samples.Clinic;
using Microsoft.Data.Sqlite;

namespace Halo.SystemTests.Clinic;

/// <summary>The default practice, built once.</summary>
public sealed class DefaultClinic : IDisposable
{
    readonly string _directory = Directory.CreateTempSubdirectory("halo-clinic-").FullName;

    public DefaultClinic() => ClinicBuilder.Build(File);

    public string File => Path.Combine(_directory, "clinic.db");

    public void Dispose() => Directory.Delete(_directory, recursive: true);
}

public sealed class ClinicTests(DefaultClinic clinic) : IClassFixture<DefaultClinic>, IDisposable
{
    readonly string _directory = Directory.CreateTempSubdirectory("halo-clinic-").FullName;

    [Fact]
    public void The_same_seed_gives_the_same_bytes()
    {
        Assert.Equal(SHA256.HashData(File.ReadAllBytes(Build("a.db", 7))), SHA256.HashData(File.ReadAllBytes(Build("b.db", 7))));
    }

    [Fact]
    public void Another_seed_gives_another_practice()
    {
        Assert.NotEqual(HashOfAllRows(Build("a.db", 1)), HashOfAllRows(Build("b.db", 2)));
    }

    /// <summary>Fails when a change to the builder changes the practice: then set the new hash, and say so in the changelog.</summary>
    [Fact]
    public void The_default_practice_is_the_one_that_we_know()
    {
        Assert.Equal("0ac07a8f4474b6d243bda470076e5a1c90614e379312b9f414b2b0af2b0e314b", HashOfAllRows(clinic.File));
    }

    [Theory]
    [InlineData("patients", 2_000)]
    [InlineData("practitioners", 12)]
    [InlineData("appointments", 40_000)]
    public void The_practice_has_the_promised_size(string table, long rows)
    {
        Assert.Equal(rows, Scalar(clinic.File, $"SELECT COUNT(*) FROM {table}"));
    }

    [Theory]
    [InlineData("patients", "last_name LIKE '%''%'")]
    [InlineData("patients", "last_name LIKE '%\"%'")]
    [InlineData("patients", "first_name GLOB '*[Ѐ-ӿ]*'")]
    [InlineData("patients", "first_name LIKE '%美%'")]
    [InlineData("patients", "address LIKE '%' || char(10) || '%'")]
    [InlineData("patients", "date_of_birth IS NULL")]
    [InlineData("patients", "date_of_birth < '1900-01-01'")]
    [InlineData("patients", "date_of_birth > '2100-01-01'")]
    [InlineData("patients", "email = ''")]
    [InlineData("patients", "email IS NULL")]
    [InlineData("patients", "length(photo) > 0")]
    [InlineData("patients", "balance <> CAST(balance AS INTEGER) AND balance < 0")]
    [InlineData("appointments", "starts_at > '2026-12-01'")]
    [InlineData("notes", "length(attachment) > 0")]
    [InlineData("invoices", "paid_on IS NULL")]
    [InlineData("observations", "value IS NULL AND text IS NOT NULL")]
    public void The_practice_has_values_of_every_kind(string table, string condition)
    {
        Assert.NotEqual(0, Scalar(clinic.File, $"SELECT COUNT(*) FROM {table} WHERE {condition}"));
    }

    [Fact]
    public void A_file_that_exists_is_left_alone()
    {
        var path = Path.Combine(_directory, "precious.db");
        File.WriteAllText(path, "precious");
        Assert.Throws<IOException>(() => ClinicBuilder.Build(path));
        Assert.Equal("precious", File.ReadAllText(path));
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    string Build(string name, long seed)
    {
        var path = Path.Combine(_directory, name);
        ClinicBuilder.Build(path, seed);
        return path;
    }

    static SqliteConnection Open(string path)
    {
        var connection = new SqliteConnection($"Data Source={path};Mode=ReadOnly;Pooling=False");
        connection.Open();
        return connection;
    }

    static long Scalar(string path, string sql)
    {
        using var connection = Open(path);
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return (long)command.ExecuteScalar()!;
    }

    static string HashOfAllRows(string path)
    {
        using var connection = Open(path);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var table in (string[])["practitioners", "patients", "appointments", "invoices", "observations", "notes"])
        {
            using var command = connection.CreateCommand();
            command.CommandText = $"SELECT * FROM {table} ORDER BY id";
            using var reader = command.ExecuteReader();
            while (reader.Read())
                for (var i = 0; i < reader.FieldCount; i++)
                {
                    var value = reader.GetValue(i);
                    hash.AppendData(value as byte[] ?? Encoding.UTF8.GetBytes(FormattableString.Invariant($"{value.GetType().Name}:{value}\0")));
                }
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
