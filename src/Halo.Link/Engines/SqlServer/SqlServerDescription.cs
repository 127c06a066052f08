using System.Data;
using System.Globalization;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines.SqlServer.Values;
using Halo.Link.Rows;
using Microsoft.Data.SqlClient;
using ParameterDirection = Halo.Contracts.Queries.ParameterDirection;

namespace Halo.Link.Engines.SqlServer;

/// <summary>What a command would bring, by SQL Server's own analysis of it (from 2012). Nothing runs: FMTONLY, which a text can switch off, is not used.</summary>
sealed class SqlServerDescription(SqlConnection connection, CommandRequest request, CancellationToken stop)
{
    /// <summary>Numbers of another database's objects would be those of others here.</summary>
    const string OfProcedure = """
        DECLARE @halo_id int = CASE WHEN COALESCE(PARSENAME(@halo_text, 3), DB_NAME()) = DB_NAME() THEN COALESCE(OBJECT_ID(@halo_text, 'P'), OBJECT_ID(@halo_text, 'PC')) END;
        SELECT @halo_id;
        SELECT p.name, COALESCE(TYPE_NAME(p.user_type_id), ''), p.is_output FROM sys.all_parameters AS p
        WHERE p.object_id = @halo_id AND p.parameter_id > 0 ORDER BY p.parameter_id;
        SELECT name, system_type_name, user_type_database, user_type_schema, user_type_name, is_nullable, precision, scale, is_hidden
        FROM sys.dm_exec_describe_first_result_set_for_object(@halo_id, 0) ORDER BY column_ordinal
        """;

    const int TableType = 243;

    readonly QueryCommand _command = request.Command;

    public DescribedCommand Read(ICollection<FieldError> faults)
    {
        if (_command.Type == Contracts.Queries.CommandType.StoredProcedure)
            return ReadProcedure(faults);
        var given = (_command.Parameters ?? []).Where(p => p.Type is not null).Select(p => (Parameter: p, Declared: DeclarationOf(p))).ToList();
        var declared = given.Select(g => $"{NameOf(g.Parameter)} {g.Declared}").ToList();
        var parameters = given.Select(g => Described(NameOf(g.Parameter), g.Parameter.Direction, g.Parameter.Type, g.Declared)).ToList();
        foreach (var (name, type) in Undeclared(string.Join(", ", declared)))
        {
            declared.Add($"{name} {type}");
            parameters.Add(Described(name, ParameterDirection.Input, SqlServerColumns.TypeOf(WithoutSize(type)), type));
        }
        return new(Columns(string.Join(", ", declared)), parameters);
    }

    List<(string Name, string Type)> Undeclared(string declared)
    {
        using var reader = Ask("sys.sp_describe_undeclared_parameters", declared);
        var found = new List<(string, string)>();
        while (reader.Read())
        {
            found.Add(((string)reader["name"], reader["suggested_system_type_name"] as string ?? UserTypeOf(reader)));
        }
        return found;
    }

    /// <summary>A table's type, or one of the CLR's: neither has a system type.</summary>
    static string UserTypeOf(SqlDataReader reader) =>
        $"{reader["suggested_user_type_schema"]}.{reader["suggested_user_type_name"]}{(Number(reader["suggested_system_type_id"]) == TableType ? " READONLY" : "")}";

    ResultColumn[] Columns(string declared)
    {
        using var reader = Ask("sys.sp_describe_first_result_set", declared);
        return ColumnsOf(reader);
    }

    SqlDataReader Ask(string procedure, string declared)
    {
        var ask = NewCommand(procedure);
        ask.CommandType = System.Data.CommandType.StoredProcedure;
        ask.Parameters.Add(new("@tsql", SqlDbType.NVarChar, -1) { Value = _command.Text });
        ask.Parameters.Add(new("@params", SqlDbType.NVarChar, -1) { Value = declared.Length == 0 ? DBNull.Value : declared });
        return Run(ask);
    }

    DescribedCommand ReadProcedure(ICollection<FieldError> faults)
    {
        var ask = NewCommand(OfProcedure);
        ask.Parameters.Add(new("@halo_text", SqlDbType.NVarChar, -1) { Value = _command.Text });
        using var reader = Run(ask);
        if (!reader.Read() || reader.IsDBNull(0))
        {
            faults.Add(new("command.text", "names no procedure of this database that the login may see."));
            return DescribedCommand.Nothing;
        }
        reader.NextResult();
        var parameters = new List<OutputParameter>();
        while (reader.Read())
        {
            var type = reader.GetString(1);
            parameters.Add(Described(reader.GetString(0), reader.GetBoolean(2) ? ParameterDirection.InputOutput : ParameterDirection.Input, SqlServerColumns.TypeOf(type), type));
        }
        reader.NextResult();
        return new(ColumnsOf(reader), parameters);
    }

    static ResultColumn[] ColumnsOf(SqlDataReader reader)
    {
        var found = new List<ResultColumn>();
        while (reader.Read())
        {
            // The analysis of a procedure whose rows depend on how it runs tells no columns, and says why.
            if (NameOfType(reader) is not { } declared || reader["is_hidden"] is true)
                continue;
            var type = SqlServerColumns.TypeOf(WithoutSize(declared));
            var isDecimal = type is SqlType.Decimal;
            found.Add(new(reader["name"] as string ?? "", type, WithoutSize(declared))
            {
                Nullable = reader["is_nullable"] as bool?,
                Size = type is SqlType.Char or SqlType.NChar or SqlType.VarChar or SqlType.NVarChar or SqlType.Binary or SqlType.VarBinary ? SizeOf(declared) : null,
                Precision = isDecimal ? Number(reader["precision"]) : null,
                Scale = isDecimal || type is SqlType.DateTime2 or SqlType.DateTimeOffset or SqlType.Time ? Number(reader["scale"]) : null,
            });
        }
        return [.. found.Zip(ColumnNames.MakeUnique([.. found.Select(c => c.Name)]), (column, name) => column with { Name = name })];
    }

    /// <summary>As results name it: a type of the CLR with its database and schema.</summary>
    static string? NameOfType(SqlDataReader reader) => reader["system_type_name"] as string
        ?? (reader["user_type_name"] is string name ? $"{reader["user_type_database"]}.{reader["user_type_schema"]}.{name}" : null);

    SqlDataReader Run(SqlCommand command)
    {
        // Between two questions there is nothing that could be cancelled at the server.
        stop.ThrowIfCancellationRequested();
        using var registration = stop.UnsafeRegister(static asked => ((SqlCommand)asked!).Cancel(), command);
        return command.ExecuteReader();
    }

    SqlCommand NewCommand(string text) => new(text, connection) { CommandTimeout = Math.Max(1, (int)Math.Min(int.MaxValue, request.Limit.TotalSeconds)) };

    static OutputParameter Described(string name, ParameterDirection direction, SqlType? type, string databaseType) =>
        new(name, direction, type, null, null) { DatabaseType = databaseType };

    static string NameOf(CommandParameter parameter) => "@" + parameter.Name.TrimStart('@');

    /// <summary>How a parameter is declared: as what it would be bound to. The server only analyses it, so a name or type that is none is its to refuse.</summary>
    static string DeclarationOf(CommandParameter parameter) => parameter.Type switch
    {
        SqlType.Structured => $"{parameter.TypeName} READONLY",
        SqlType.Udt => parameter.TypeName ?? "",
        SqlType.NVarChar or SqlType.String => "nvarchar(4000)",
        SqlType.NChar => "nchar(4000)",
        SqlType.VarChar => "varchar(8000)",
        SqlType.Char => "char(8000)",
        SqlType.VarBinary => "varbinary(8000)",
        SqlType.Binary => "binary(8000)",
        SqlType.Decimal => string.Create(CultureInfo.InvariantCulture, $"decimal({parameter.Precision ?? 38},{parameter.Scale ?? (parameter.Precision is null ? 10 : 0)})"),
        SqlType.Variant => "sql_variant",
        var type => SqlServerParameters.TypeOf(type!.Value).ToString().ToLowerInvariant(),
    };

    /// <summary><c>decimal(10,2)</c> is <c>decimal</c>, as results name it.</summary>
    static string WithoutSize(string declared) => declared.IndexOf('(', StringComparison.Ordinal) is > 0 and var at ? declared[..at] : declared;

    /// <summary>The number of <c>nvarchar(40)</c>; null: it has none, or max.</summary>
    static int? SizeOf(string declared) =>
        int.TryParse(declared.AsSpan(declared.IndexOf('(', StringComparison.Ordinal) + 1).TrimEnd(')'), NumberStyles.None, CultureInfo.InvariantCulture, out var size) ? size : null;

    static int? Number(object value) => value is DBNull ? null : Convert.ToInt32(value, CultureInfo.InvariantCulture);
}
