using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using Halo.Contracts.Queries;
using ParameterDirection = System.Data.ParameterDirection;

namespace Halo.Data;

/// <summary>A value for a command. Its type follows from the value, unless <see cref="DbType"/> or <see cref="SqlType"/> says another.</summary>
/// <remarks>Values may be of all types that <see cref="Client.HaloCommand"/> takes; null and <see cref="DBNull"/> are NULL. Without a name it is positional: see <see cref="HaloDbCommand.CommandText"/>.</remarks>
public sealed class HaloDbParameter : DbParameter
{
    ParameterDirection _direction = ParameterDirection.Input;
    DbType? _dbType;
    int? _size;

    /// <summary>Creates a parameter without a name.</summary>
    public HaloDbParameter()
    {
    }

    /// <summary>Creates a parameter with its value.</summary>
    /// <param name="name">With or without a leading <c>@</c>.</param>
    /// <param name="value">Its value.</param>
    public HaloDbParameter(string? name, object? value) => (ParameterName, Value) = (name, value);

    /// <summary>Creates a parameter of a type of the database.</summary>
    public HaloDbParameter(string? name, object? value, SqlType type) : this(name, value) => SqlType = type;

    /// <summary>The type; where it was not set the one that follows from the value.</summary>
    public override DbType DbType
    {
        get => _dbType ?? (SqlType is { } type ? Commands.ParameterTypes.DbTypeOf(type) : Commands.ParameterTypes.DbTypeOf(Value));
        set
        {
            if (!Enum.IsDefined(value))
                throw new ArgumentOutOfRangeException(nameof(value), value, "There is no such type.");
            (_dbType, SqlType) = (value, null);
        }
    }

    /// <summary>The database's type by the contract's name; null: as <see cref="DbType"/> says, or the value. Setting it takes the place of <see cref="DbType"/>.</summary>
    public SqlType? SqlType
    {
        get;
        set
        {
            field = value;
            if (value is not null)
                _dbType = null;
        }
    }

    /// <summary>Name of the table or user-defined type, for <see cref="SqlType.Structured"/> and <see cref="SqlType.Udt"/>; SQL Server alone.</summary>
    public string? TypeName { get; set; }

    /// <inheritdoc/>
    public override ParameterDirection Direction
    {
        get => _direction;
        set => _direction = Enum.IsDefined(value) ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "There is no such direction.");
    }

    /// <inheritdoc/>
    public override bool IsNullable { get; set; }

    /// <summary>With or without a leading <c>@</c>; empty: positional.</summary>
    [AllowNull]
    public override string ParameterName { get; set => field = value ?? ""; } = "";

    /// <summary>Bytes of an output parameter; -1 is the maximum. It never shortens an input.</summary>
    public override int Size { get => _size ?? 0; set => _size = value >= -1 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "A size is at least -1."); }

    /// <summary>Total digits of a decimal output; 0: the driver's default.</summary>
    public override byte Precision { get; set; }

    /// <summary>Digits after the point of a decimal output.</summary>
    public override byte Scale { get; set; }

    /// <inheritdoc/>
    [AllowNull]
    public override string SourceColumn { get; set => field = value ?? ""; } = "";

    /// <inheritdoc/>
    public override bool SourceColumnNullMapping { get; set; }

    /// <inheritdoc/>
    public override DataRowVersion SourceVersion { get; set; } = DataRowVersion.Current;

    /// <inheritdoc/>
    public override object? Value { get; set; }

    internal DbType? GivenDbType => _dbType;

    internal int? GivenSize => _size;

    /// <inheritdoc/>
    public override void ResetDbType() => (_dbType, SqlType) = (null, null);

    /// <summary>Its name.</summary>
    public override string ToString() => ParameterName;
}
