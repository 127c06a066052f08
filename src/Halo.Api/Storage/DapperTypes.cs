using System.Data;
using System.Globalization;
using Dapper;

namespace Halo.Api.Storage;

/// <summary>
/// What Dapper has to be told so that one SQL text reads alike from both databases: SQLite keeps ids as text and booleans as 0 and 1.
/// </summary>
static class DapperTypes
{
    public static void Register()
    {
        // Dapper prefers its own map of built-in types to a handler.
        SqlMapper.RemoveTypeMap(typeof(Guid));
        SqlMapper.RemoveTypeMap(typeof(Guid?));
        SqlMapper.RemoveTypeMap(typeof(bool));
        SqlMapper.RemoveTypeMap(typeof(bool?));
        SqlMapper.AddTypeHandler(new GuidHandler());
        SqlMapper.AddTypeHandler(new BooleanHandler());
    }

    sealed class GuidHandler : SqlMapper.TypeHandler<Guid>
    {
        public override void SetValue(IDbDataParameter parameter, Guid value) => parameter.Value = value;

        public override Guid Parse(object value) => value as Guid? ?? Guid.Parse((string)value);
    }

    sealed class BooleanHandler : SqlMapper.TypeHandler<bool>
    {
        public override void SetValue(IDbDataParameter parameter, bool value) => parameter.Value = value;

        public override bool Parse(object value) => Convert.ToBoolean(value, CultureInfo.InvariantCulture);
    }
}
